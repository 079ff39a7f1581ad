package proctable

import (
	"bytes"
	"errors"
	"math"
	"os"
	"testing"
)

func open(t testing.TB) *Table {
	t.Helper()
	table, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

func TestTheTableHoldsThisProcess(t *testing.T) {
	table := open(t)
	all, err := table.All()
	if err != nil {
		t.Fatal(err)
	}
	one, err := Lookup(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.PID != os.Getpid() {
			continue
		}
		if p.PPID != os.Getppid() || p.Zombie || p.Kernel || p.Start == 0 || p != one {
			t.Errorf("in the table %+v, alone %+v", p, one)
		}
		return
	}
	t.Error("not found")
}

func TestAProcessThatDoesNotExist(t *testing.T) {
	if _, err := Lookup(math.MaxInt32); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Lookup: %v", err)
	}
	table := open(t)
	p := Process{Identity: Identity{PID: math.MaxInt32}}
	if err := table.Identify(&p); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Identify: %v", err)
	}
	if err := table.Measure(&Measured{figures: figures{Process: p}}); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Measure: %v", err)
	}
	if environ, settled := table.Environ(math.MaxInt32); environ != nil || !settled {
		t.Errorf("Environ: %q, %v", environ, settled)
	}
}

func TestEnviron(t *testing.T) {
	environ, settled := open(t).Environ(os.Getpid())
	want, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		t.Fatal(err)
	}
	if !settled || !bytes.Equal(environ, want) {
		t.Errorf("%q, %v", environ, settled)
	}
}

func TestMeasureKeepsOneDescriptor(t *testing.T) {
	table := open(t)
	var m Measured
	m.PID = os.Getpid()
	for range 3 {
		if err := table.Measure(&m); err != nil {
			t.Fatal(err)
		}
	}
	if table.kept != 1 || m.kept == 0 || m.Usage <= 0 || m.RSS <= 0 || m.Command == "" {
		t.Errorf("%d kept, %+v", table.kept, m)
	}
	table.Forget(&m)
	table.Forget(&m)
	if table.kept != 0 || m.kept != 0 {
		t.Errorf("after Forget: %d kept, %+v", table.kept, m)
	}
	table.MostKept = 0
	if err := table.Measure(&m); err != nil || table.kept != 0 || m.kept != 0 {
		t.Errorf("with none to keep: %d kept, %+v, %v", table.kept, m, err)
	}
}

func TestSignalOnlyTheSameProcess(t *testing.T) {
	self, err := Lookup(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := Signal(Identity{PID: self.PID, Start: self.Start + 1}, os.Kill); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a later process: %v", err)
	}
	for _, pid := range []int{0, -1} {
		if err := Signal(Identity{PID: pid}, os.Kill); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%d: %v", pid, err)
		}
	}
}

func BenchmarkAll(b *testing.B) {
	for b.Loop() {
		table, err := Open()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := table.All(); err != nil {
			b.Fatal(err)
		}
		_ = table.Close()
	}
}
