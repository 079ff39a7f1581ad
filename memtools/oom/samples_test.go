package oom

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// sample is a real death from testdata: its output and how it ended. The head of
// each file says how it was made.
type sample struct {
	name     string
	output   []byte
	evidence Evidence // end and counter; the output is added by the tests
}

// samples reads testdata, all of it: an unreadable file fails the test.
func samples(t testing.TB) []sample {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	var all []sample
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := txtar.Parse(data)
		if len(a.Files) != 1 || a.Files[0].Name != "output" {
			t.Fatalf("%s: want one part named output", file)
		}
		s := sample{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), output: a.Files[0].Data}
		ended := false
		for line := range strings.Lines(string(a.Comment)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch key {
			case "ended":
				kind, number, _ := strings.Cut(value, " ")
				n := 0
				for _, d := range number {
					n = n*10 + int(d-'0')
				}
				if ended = true; kind == "signal" {
					s.evidence.Signal, s.evidence.ExitCode = n, -1
				} else {
					s.evidence.ExitCode = n
				}
			case "oom_kill":
				s.evidence.CgroupOOMKill = strings.HasPrefix(value, "rose")
			}
		}
		if !ended {
			t.Fatalf("%s: the head does not say how it ended", file)
		}
		all = append(all, s)
	}
	return all
}

// seen scans the output in pieces of n bytes.
func seen(output []byte, n int) Findings {
	var s Scanner
	for len(output) > 0 {
		k := min(n, len(output))
		_, _ = s.Write(output[:k])
		output = output[k:]
	}
	return s.Findings()
}
