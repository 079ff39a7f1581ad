package proctable

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " 1 10 20 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 1 0 4242 1000 50 18446744073709551615"
	node := Process{Identity: Identity{PID: 77, Start: 4242}, PPID: 1, Group: 10, Session: 20}
	stopped := node
	stopped.Stopped = true
	with := func(change func(*Process)) Process {
		p := node
		change(&p)
		return p
	}
	for _, c := range []struct {
		line string
		want Process
		ok   bool
	}{
		{"77 (node) S" + tail, node, true},
		{"77 (node) T" + tail, stopped, true},
		{"77 (a) b (c)) Z" + tail, with(func(p *Process) { p.Zombie = true }), true},
		{"77 (node) Z" + strings.Replace(tail, "20 0 1 0", "20 0 2 0", 1), node, true}, // only its main thread has ended
		{"77 () R" + tail, node, true},
		{"77 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0",
			Process{Identity: Identity{PID: 77, Start: 4242}, PPID: 2, Kernel: true}, true},
		{"77 (node) S 1 2 3", Process{}, false},
		{"", Process{}, false},
		{")(", Process{}, false},
	} {
		got, cpu, childCPU, ok := parseStat([]byte(c.line))
		if ok != c.ok || got != c.want {
			t.Errorf("%q: %+v, %v", c.line, got, ok)
		}
		if strings.Contains(c.line, tail) && cpu != 30*time.Millisecond {
			t.Errorf("%q: processor time %v", c.line, cpu)
		}
		if strings.Contains(c.line, tail) && childCPU != 70*time.Millisecond {
			t.Errorf("%q: that of children %v", c.line, childCPU)
		}
	}
}

func TestCommandLine(t *testing.T) {
	long := strings.Repeat("x", 199)
	for text, want := range map[string]string{
		"":                          "",
		"node\x00a b\x00\x00":       "node a b",
		long + "é":                  long, // not half of é
		long[1:] + "é" + "more":     long[1:] + "é",
		strings.Repeat("é", 300):    strings.Repeat("é", 100),
		strings.Repeat("\x80", 300): "",
	} {
		if got := commandLine([]byte(text)); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range []string{"/proc/self/stat", "/proc/self/status", "/proc/self/environ", "/proc/self/cmdline"} {
		if text, err := os.ReadFile(path); err == nil {
			f.Add(text)
		}
	}
	f.Add([]byte("1 () S 1 1"))
	f.Add([]byte("77 (a) b (c)) Z 1 10 20 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4242 1000"))
	f.Add([]byte("VmRSS:\t99999999999999999999999999 kB\nName:\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parseStat(text)
		if s, _ := parseStatus(text); s.usage() < 0 || s.rss < 0 || s.threads < 0 {
			t.Fatalf("negative: %+v", s)
		}
		if m := Marks(text, name); strings.ContainsRune(m, 0) {
			t.Fatalf("marks %q", m)
		}
		if c := commandLine(text); len(c) > LongestCommand {
			t.Fatalf("command of %d bytes", len(c))
		}
		number(text)
	})
}
