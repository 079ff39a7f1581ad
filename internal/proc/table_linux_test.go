package proc

import (
	"os"
	"testing"
)

func TestParseStat(t *testing.T) {
	const tail = " 1 10 20 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4242 1000 50 18446744073709551615"
	for _, c := range []struct {
		line string
		want entry
		ok   bool
	}{
		{"77 (node) S" + tail, entry{pid: 77, ppid: 1, group: 10, session: 20, start: 4242}, true},
		{"77 (a) b (c)) Z" + tail, entry{pid: 77, ppid: 1, group: 10, session: 20, start: 4242, zombie: true}, true},
		{"77 () R" + tail, entry{pid: 77, ppid: 1, group: 10, session: 20, start: 4242}, true},
		{"77 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0", entry{pid: 77, ppid: 2, start: 4242, kernel: true}, true},
		{"77 (node) S 1 2 3", entry{}, false},
		{"", entry{}, false},
		{")(", entry{}, false},
	} {
		got, ok := parseStat([]byte(c.line))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v, %v", c.line, got, ok)
		}
	}
}

func TestTableHoldsThisProcess(t *testing.T) {
	table, err := processTable()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table {
		if e.pid == os.Getpid() {
			if e.ppid != os.Getppid() || e.zombie || e.start == 0 {
				t.Errorf("%+v", e)
			}
			return
		}
	}
	t.Error("not found")
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("77 (a) b (c)) Z 1 10 20 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4242 1000"))
	f.Fuzz(func(_ *testing.T, line []byte) { parseStat(line) })
}

func BenchmarkProcessTable(b *testing.B) {
	for b.Loop() {
		if _, err := processTable(); err != nil {
			b.Fatal(err)
		}
	}
}
