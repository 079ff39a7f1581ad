//go:build unix

package proc

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestStop(t *testing.T) {
	gone := func(t *testing.T, p *Process, pids ...int) {
		t.Helper()
		for _, pid := range pids {
			if alive(pid) {
				t.Errorf("%d is alive", pid)
			}
		}
		if left := leftOf(t, p.tree.Mark); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	t.Run("ends a tree that ignores the interrupt and SIGTERM", func(t *testing.T) {
		s := newTranscript()
		p := start(t, program(t, "stubborn-tree", s))
		pids := s.pids(t, "ready", 3)
		p.Stop()
		r := end(t, p)
		if r.StoppedBy != ByStop || r.Signal != "SIGKILL" || r.Success() || r.Survivors != nil {
			t.Errorf("%+v", r)
		}
		gone(t, p, pids...)
	})
	t.Run("ends a daemon that detached", func(t *testing.T) {
		s := newTranscript()
		p := start(t, program(t, "daemonize-and-block", s))
		s.pids(t, "ready", 1)
		pid := s.pids(t, "daemon", 1)[0]
		if e, _ := lookUp(pid); e.Session == p.PID() || e.PPID == p.PID() {
			t.Fatalf("not detached: %+v", e)
		}
		p.Stop()
		end(t, p)
		gone(t, p, pid)
	})
	t.Run("ends what is started while it ends", func(t *testing.T) {
		s := newTranscript()
		c := program(t, "hydra", s)
		c.Ladder.Interrupt = 5 * time.Second // for its daemon to start
		p := start(t, c)
		s.pids(t, "ready", 1)
		p.Stop()
		end(t, p)
		gone(t, p, s.pids(t, "daemon", 1)...)
	})
	t.Run("ends a job in its own group", func(t *testing.T) {
		s := newTranscript()
		p := start(t, program(t, "job-and-block", s))
		pids := s.pids(t, "ready", 2)
		p.Stop()
		end(t, p)
		gone(t, p, pids...)
	})
	t.Run("waits for no step longer than the tree needs", func(t *testing.T) {
		s := newTranscript()
		c := shell(`trap 'echo bye; exit 0' INT; echo ready $$; while :; do sleep 0.01; done`, s)
		c.Ladder = Ladder{Interrupt: time.Hour, Terminate: time.Hour, Kill: time.Hour}
		p := start(t, c)
		s.pids(t, "ready", 1)
		p.Stop()
		r := end(t, p)
		if !strings.HasSuffix(s.String(), "bye\n") || r.ExitCode != 0 || r.StoppedBy != ByStop || r.Success() {
			t.Errorf("%+v\n%s", r, s)
		}
	})
	t.Run("is cut short by Kill", func(t *testing.T) {
		s := newTranscript()
		c := program(t, "stubborn-tree", s)
		c.Ladder = Ladder{Interrupt: time.Hour, Terminate: time.Hour}
		p := start(t, c)
		pids := s.pids(t, "ready", 3)
		p.Stop()
		p.Kill()
		if r := end(t, p); r.StoppedBy != ByKill || r.Signal != "SIGKILL" {
			t.Errorf("%+v", r)
		}
		gone(t, p, pids...)
	})
	t.Run("ends within three seconds by default", func(t *testing.T) {
		if l := (Ladder{}).orDefault(); l.Interrupt+l.Terminate+l.Kill > 3*time.Second {
			t.Errorf("%+v", l)
		}
	})
	t.Run("ends a suspended tree, with its last words", func(t *testing.T) {
		s := newTranscript()
		c := shell(`trap 'echo bye; exit 0' INT; echo ready $$; while :; do sleep 0.01; done`, s)
		c.Ladder = Ladder{Interrupt: time.Hour}
		p := start(t, c)
		s.pids(t, "ready", 1)
		if err := p.Suspend(); err != nil {
			t.Fatal(err)
		}
		p.Stop()
		end(t, p)
		if !strings.HasSuffix(s.String(), "bye\n") {
			t.Errorf("%s", s)
		}
	})
	t.Run("may come at any moment, from many, with Kill, Suspend and Resume", func(t *testing.T) {
		for i := range 30 {
			p, err := Start(shell("sleep 0.00"+strconv.Itoa(i%10)+" & sleep 0.00"+strconv.Itoa(i/3), nil))
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for _, f := range []func(){p.Stop, p.Kill, func() { _ = p.Suspend() }, func() { _ = p.Resume() }, p.Stop} {
				all.Go(f)
			}
			all.Wait()
			end(t, p)
			gone(t, p)
		}
	})
	t.Run("after the end changes nothing", func(t *testing.T) {
		p := start(t, shell("exit 4", nil))
		before := end(t, p)
		p.Stop()
		p.Kill()
		if after := p.Wait(); after.ExitCode != 4 || after.StoppedBy != NotStopped || after.ended != before.ended {
			t.Errorf("%+v", after)
		}
		if err := p.Suspend(); !errors.Is(err, ErrEnded) {
			t.Errorf("Suspend: %v", err)
		}
		if err := p.Resume(); !errors.Is(err, ErrEnded) {
			t.Errorf("Resume: %v", err)
		}
	})
}

func TestSuspend(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the state of a process is read from /proc")
	}
	state := func(pid int) string {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))[0]
	}
	// One that has a child made by vfork, which was stopped before its exec, waits
	// for that in state D, and its own stop is pending.
	stopped := func(pids []int) (n int) {
		for _, pid := range pids {
			if s := state(pid); s == "T" || s == "D" {
				n++
			}
		}
		return n
	}
	t.Run("stops every process of the tree, and Resume lets them run", func(t *testing.T) {
		s := newTranscript()
		p := start(t, program(t, "job-and-block", s))
		pids := s.pids(t, "ready", 2)
		if err := p.Suspend(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all are stopped", func() bool { return stopped(pids) == 2 })
		if err := p.Suspend(); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all run", func() bool { return stopped(pids) == 0 })
		p.Kill()
		end(t, p)
	})
	t.Run("lets also run what lost its parent meanwhile, as to the kernel's choice of a victim", func(t *testing.T) {
		s := newTranscript()
		p := start(t, shell(`sh -c 'setsid sh -c "echo inner \$\$; while :; do sleep 0.05; done" & echo middle $$; wait' & wait; while :; do sleep 0.05; done`, s))
		inner, middle := s.pids(t, "inner", 1), s.pids(t, "middle", 1)
		if err := p.Suspend(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is stopped", func() bool { return stopped(inner) == 1 })
		if err := syscall.Kill(middle[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it has another parent", func() bool { e, _ := lookUp(inner[0]); return e.PPID != middle[0] })
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it runs", func() bool { return stopped(inner) == 0 })
		p.Kill()
		end(t, p)
	})
	t.Run("leaves a daemon running", func(t *testing.T) {
		s := newTranscript()
		p := start(t, program(t, "daemonize-and-block", s))
		leader := s.pids(t, "ready", 1)
		daemon := s.pids(t, "daemon", 1)
		if err := p.Suspend(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the leader is stopped", func() bool { return stopped(leader) == 1 })
		if stopped(daemon) != 0 {
			t.Error("the daemon is stopped")
		}
		p.Kill()
		end(t, p)
	})
}

func TestOOMScoreAdj(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only")
	}
	const own = "/proc/self/oom_score_adj"
	before, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := strconv.Atoi(strings.TrimSpace(string(before)))
	if err != nil {
		t.Fatal(err)
	}
	childs := func(t *testing.T) string {
		t.Helper()
		c := shell("sleep 100", nil)
		c.OOMScoreAdj = 300
		p := start(t, c)
		b, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/oom_score_adj")
		if err != nil {
			t.Fatal(err)
		}
		p.Kill()
		end(t, p)
		return strings.TrimSpace(string(b))
	}
	t.Run("makes a child a likelier victim than this process", func(t *testing.T) {
		if got := childs(t); got != strconv.Itoa(min(ours+300, 1000)) {
			t.Errorf("%s, and ours is %d", got, ours)
		}
	})
	t.Run("also where this process is a likely one, as in most pods", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can take it back")
		}
		defer func() {
			if err := os.WriteFile(own, before, 0); err != nil {
				t.Error(err)
			}
		}()
		for adj, want := range map[string]string{"500": "800", "900": "1000"} {
			if err := os.WriteFile(own, []byte(adj), 0); err != nil {
				t.Skip(err)
			}
			if got := childs(t); got != want {
				t.Errorf("at %s of ours: %s, want %s", adj, got, want)
			}
		}
	})
}
