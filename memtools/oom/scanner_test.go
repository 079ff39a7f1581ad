package oom

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"
)

func TestScannerFindsTheSameWhateverTheSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range samples(t) {
		want := seen(s.output, len(s.output))
		for _, n := range []int{1, 2, 3, 7, 64, maxLine, maxLine + 1} {
			if got := seen(s.output, n); got != want {
				t.Fatalf("%s in pieces of %d: got %+v, want %+v", s.name, n, got, want)
			}
		}
		for range 20 {
			var sc Scanner
			for rest := s.output; len(rest) > 0; {
				k := 1 + r.IntN(len(rest))
				_, _ = sc.Write(rest[:k])
				rest = rest[k:]
				_ = sc.Findings() // looking on the way changes nothing
			}
			if got := sc.Findings(); got != want {
				t.Fatalf("%s: got %+v, want %+v", s.name, got, want)
			}
		}
	}
}

func TestScannerSurvivesWhatTerminalsAndRunnersDoToText(t *testing.T) {
	for _, s := range samples(t) {
		want := Diagnose(withSeen(s.evidence, seen(s.output, 4096)))
		text := strings.TrimSuffix(string(s.output), "\n")
		for name, changed := range map[string]string{
			"CRLF line ends":                  strings.ReplaceAll(text, "\n", "\r\n"),
			"no line end at the end":          text,
			"colours":                         "\x1b[31m" + strings.ReplaceAll(text, "\n", "\x1b[39m\n\x1b[1;31m") + "\x1b[0m",
			"a progress bar that stands open": "building 41%\rbuilding 42%\r" + text,
			"blank lines between all lines":   strings.ReplaceAll(text, "\n", "\n\n"),
			"much output before":              strings.Repeat("compiled a module\n", 10_000) + text,
		} {
			got := Diagnose(withSeen(s.evidence, seen([]byte(changed), 100)))
			if got != want {
				t.Errorf("%s with %s: got %+v, want %+v", s.name, name, got, want)
			}
		}
		if want.Cause != V8Heap && want.Cause != GoMemory && want.Cause != NodeWorker {
			continue
		}
		if strings.HasPrefix(s.name, "wrap-") || s.name == "worker-vitest" {
			continue // these bring their own prefix or indentation
		}
		for _, prefix := range []string{"@acme/web:build: ", "[0] ", "packages/web build: ", "web build |  ", "➤ YN0000: │ "} {
			lines := prefix + strings.ReplaceAll(text, "\n", "\n"+prefix)
			e := s.evidence
			e.ExitCode, e.Signal = 1, 0
			got := Diagnose(withSeen(e, seen([]byte(lines), 100)))
			if got.Cause != want.Cause || got.Evidence != want.Evidence || got.Used != want.Used {
				t.Errorf("%s behind %q: got %+v, want %+v", s.name, prefix, got, want)
			}
		}
	}
}

func withSeen(e Evidence, f Findings) Evidence {
	e.Seen = f
	return e
}

func TestScannerTellsTwoPackagesThatPrintAtOnceApart(t *testing.T) {
	v8 := strings.Split(string(sampleNamed(t, "v8-leak-node22").output), "\n")
	goDeath := strings.Split(string(sampleNamed(t, "go-leak").output), "\n")
	var mixed strings.Builder
	for i := range max(len(v8), len(goDeath)) {
		if i < len(goDeath) {
			mixed.WriteString("api:build: " + goDeath[i] + "\n")
		}
		if i < len(v8) {
			mixed.WriteString("web:build: " + v8[i] + "\n")
		}
	}
	f := seen([]byte(mixed.String()), 50)
	if f.death.cause != V8Heap || f.death.used != seen([]byte(strings.Join(v8, "\n")), 50).death.used {
		t.Fatalf("got %+v", f.death)
	}
	quoted := "web:build: FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\napi:build: ----- Native stack trace -----\n"
	if f := seen([]byte(quoted), 50); f.death.at != 0 {
		t.Fatalf("the trace of another package proved %+v", f.death)
	}
}

func TestScannerKeepsTheLastDeath(t *testing.T) {
	out := append(bytes.Clone(sampleNamed(t, "jvm-heap").output), sampleNamed(t, "v8-leak-node24").output...)
	if v := Diagnose(Evidence{ExitCode: 134, Seen: seen(out, 10)}); v.Cause != V8Heap {
		t.Fatalf("got %s", v.Cause)
	}
}

func TestScannerHoldsItsMemoryOverAnyAmountOfOutput(t *testing.T) {
	if size := unsafe.Sizeof(Scanner{}); size > 4096 {
		t.Errorf("a Scanner is %d bytes", size)
	}
	noise := bytes.Repeat([]byte("packages/web/src/index.ts: memory of a long build, 137 modules\n"), 1000)
	endless := bytes.Repeat([]byte("x"), 1<<20)
	if testing.Short() { // with the race detector the rest takes a minute
		noise, endless = noise[:len(noise)/20], endless[:len(endless)/20]
	}
	var s Scanner
	if n := testing.AllocsPerRun(20, func() {
		_, _ = s.Write(noise)
		_, _ = s.Write(endless) // one line without an end
	}); n > 0 {
		t.Errorf("%v allocations a run", n)
	}
	_, _ = s.Write([]byte("\n"))
	_, _ = s.Write(sampleNamed(t, "v8-leak-node26").output)
	for range 100 {
		_, _ = s.Write(noise)
	}
	if f := s.Findings(); f.death.cause != V8Heap {
		t.Fatalf("lost the text far before the end: %+v", f.death)
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.output, uint16(5), 134, 0)
	}
	f.Fuzz(func(t *testing.T, output []byte, piece uint16, code, signal int) {
		whole := seen(output, max(len(output), 1))
		if got := seen(output, int(piece)+1); got != whole {
			t.Fatalf("split at %d: %+v, whole: %+v", piece+1, got, whole)
		}
		v := Diagnose(Evidence{ExitCode: code, Signal: signal, Seen: whole, HeapLimit: gb, Budget: 2 * gb})
		if v.Success() != (code == 0 && signal == 0) {
			t.Fatalf("code %d, signal %d: %s", code, signal, v.Cause)
		}
		checkReadsWell(t, v)
		if tail := Diagnose(Evidence{ExitCode: code, Signal: signal, Tail: output, HeapLimit: gb, Budget: 2 * gb}); tail != v {
			t.Fatalf("tail %+v, scan %+v", tail, v)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	noise := bytes.Repeat([]byte("packages/web/src/index.ts(12,34): warning: a line as build tools write it\n"), 1000)
	b.SetBytes(int64(len(noise)))
	var s Scanner
	for b.Loop() {
		_, _ = s.Write(noise)
	}
}
