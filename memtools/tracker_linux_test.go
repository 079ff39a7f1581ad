package memtools

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/proctable"
)

func TestTrackerRealProcesses(t *testing.T) {
	id := func(t *testing.T) string { return fmt.Sprintf("%s-%d", t.Name(), os.Getpid()) }

	t.Run("measures what a child holds", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "hold", "")
		c.ready()
		tracker.Track(id(t), c.pid)
		s := sample(t, tracker)
		tree := s.Trees[id(t)]
		if tree.Usage < 64*MB || tree.Usage > 160*MB {
			t.Errorf("64 MB and a Go runtime are measured as %v", tree.Usage)
		}
		if p := tree.Processes[0]; p.RSS <= p.Usage || p.PID != c.pid || p.PPID != os.Getpid() || p.PGID != c.pid || !strings.Contains(p.Command, "memtools") {
			t.Errorf("%+v: the resident set has the binary's pages as well", p)
		}
		if s.Own < MB || s.Total != s.Own+tree.Usage {
			t.Errorf("own %v, total %v", s.Own, s.Total)
		}
	})
	t.Run("measures this process's own usage", func(t *testing.T) {
		tracker := tracking(t)
		before := sample(t, tracker).Own
		// Not from the Go heap: that may have free memory, or a race detector's beside it.
		held, err := unix.Mmap(-1, 0, int(64*MB), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := unix.Munmap(held); err != nil {
				t.Error(err)
			}
		}()
		for i := 0; i < len(held); i += os.Getpagesize() {
			held[i] = 1
		}
		if grown := sample(t, tracker).Own - before; grown < 60*MB || grown > 100*MB {
			t.Errorf("64 MB more are measured as %v", grown)
		}
	})
	t.Run("counts descendants, and keeps the peak when they end", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "family", "")
		tracker.Track(id(t), c.pid)
		other := c.other()
		if tree := sample(t, tracker).Trees[id(t)]; len(tree.Processes) != 2 || tree.Usage < 64*MB {
			t.Errorf("%+v", tree)
		}
		c.input.Close()
		if err := c.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the child ends", func() bool { return !Identity{PID: other}.Alive() })
		tree := sample(t, tracker).Trees[id(t)]
		if tree.Usage != 0 || tree.Peak < 64*MB || len(tree.Processes) != 0 {
			t.Errorf("after the end: %+v", tree)
		}
	})
	t.Run("finds a daemon that left its parents and its session by the marker", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "daemon", id(t))
		daemon := c.other()
		tracker.Track(id(t), c.pid) // first seen when its parent is gone
		tree := sample(t, tracker).Trees[id(t)]
		at := slices.IndexFunc(tree.Processes, func(p Process) bool { return p.PID == daemon })
		if at < 0 || tree.Processes[at].PPID == c.pid || tree.Processes[at].PGID == c.pid || tree.Usage < 64*MB {
			t.Errorf("daemon %d of %d: %+v", daemon, c.pid, tree)
		}
	})
	t.Run("keeps a process of the group whose parent ended before it was seen", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "orphan", "")
		tracker.Track(id(t), c.pid)
		orphan := c.ready()
		if _, err := c.cmd.Process.Wait(); err != nil {
			t.Fatal(err)
		}
		tree := sample(t, tracker).Trees[id(t)]
		if len(tree.Processes) != 1 || tree.Processes[0].PID != orphan || tree.Usage < 64*MB {
			t.Errorf("orphan %d: %+v", orphan, tree)
		}
	})
	t.Run("leaves zombies out", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "zombie", "")
		tracker.Track(id(t), c.pid)
		c.ready()
		eventually(t, "the child becomes a zombie", func() bool { return zombies(t, c.pid) == 1 })
		if tree := sample(t, tracker).Trees[id(t)]; len(tree.Processes) != 1 {
			t.Errorf("%+v", tree)
		}
	})
	t.Run("measures a process whose main thread has ended alone", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "without-main-thread", "")
		c.ready()
		tracker.Track(id(t), c.pid)
		if tree := sample(t, tracker).Trees[id(t)]; tree.Usage < 32*MB || len(tree.Processes) != 1 {
			t.Errorf("%+v", tree)
		}
		if me := (Identity{PID: c.pid}); !me.Alive() {
			t.Error("it counts as ended")
		}
	})
	t.Run("counts a launcher alone", func(t *testing.T) {
		tracker := tracking(t)
		tracker.TrackOne("launcher", os.Getppid())
		tree := sample(t, tracker).Trees["launcher"]
		if len(tree.Processes) != 1 || tree.Processes[0].PID != os.Getppid() || tree.Usage <= 0 {
			t.Errorf("%+v", tree)
		}
	})
}

// zombies counts the zombie children of pid.
func zombies(t *testing.T, pid int) int {
	t.Helper()
	table, err := proctable.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	all, err := table.All()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range all {
		if p.PPID == pid && p.Zombie {
			n++
		}
	}
	return n
}

func TestSignalRealProcesses(t *testing.T) {
	c := begin(t, "daemon", fmt.Sprintf("%s-%d", t.Name(), os.Getpid()))
	daemon, err := Identify(c.other())
	if err != nil {
		t.Fatal(err)
	}
	root, err := Identify(c.pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []Identity{root, daemon} {
		if !m.Alive() {
			t.Errorf("%v is not alive", m)
		}
		other := Identity{PID: m.PID, Start: m.Start + 1}
		if err := other.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) || other.Alive() {
			t.Errorf("another process of the same number was signalled: %v", err)
		}
	}
	for _, m := range []Identity{root, daemon} {
		if err := m.Signal(syscall.SIGKILL); err != nil {
			t.Errorf("kill %v: %v", m, err)
		}
	}
	_ = c.cmd.Wait()
	eventually(t, "the daemon ends", func() bool { return !daemon.Alive() })
	if err := root.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal to an ended process: %v", err)
	}
	if err := (Identity{PID: -1}).Signal(syscall.SIGCONT); err == nil {
		t.Error("-1 stands for all processes and must not be signalled")
	}
}

// BenchmarkTrackerSample50 samples 50 trees of one process. At one sample each
// 250 ms, half a percent of a core is 1.25 ms.
func BenchmarkTrackerSample50(b *testing.B) {
	tracker := tracking(b)
	for n := range 50 {
		c := begin(b, "small", "")
		c.ready()
		tracker.Track(fmt.Sprint("task", n), c.pid)
	}
	all, err := tracker.table.List(nil)
	if err != nil {
		b.Fatal(err)
	}
	sample(b, tracker)
	before := cpuTime(b)
	b.ReportAllocs()
	for b.Loop() {
		if s := sample(b, tracker); len(s.Trees) != 50 {
			b.Fatal(len(s.Trees))
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(len(all)), "processes")
}

// cpuTime is the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
