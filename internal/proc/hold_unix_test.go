//go:build unix

package proc

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// state is what ps tells of a process, such as "T" if it is stopped.
func state(t *testing.T, pid int) string {
	t.Helper()
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func TestHold(t *testing.T) {
	// It starts no process, so it is never in the middle of a fork.
	busy := func() *Process { return start(t, shell("while :; do :; done", nil)) }
	frozen := func(p *Process) bool { return strings.HasPrefix(state(t, p.PID()), "T") }
	want := func(what string, p *Process, is bool) {
		t.Helper()
		eventually(t, what, func() bool { return frozen(p) == is })
	}
	t.Run("freezes what runs, and keeps new commands from starting", func(t *testing.T) {
		p, q := busy(), busy()
		release := hold()
		t.Cleanup(release)
		want("both are frozen", p, true)
		want("both are frozen", q, true)
		started := make(chan *Process)
		go func() { p, _ := Start(shell("exit 0", nil)); started <- p }()
		select {
		case <-started:
			t.Error("a command started")
		case <-time.After(50 * time.Millisecond):
		}
		release()
		release()
		want("both go on", p, false)
		want("both go on", q, false)
		end(t, <-started)
	})
	t.Run("leaves what is suspended on its own", func(t *testing.T) {
		p := busy()
		if err := p.Suspend(); err != nil {
			t.Fatal(err)
		}
		hold()()
		time.Sleep(20 * time.Millisecond)
		want("it stays suspended", p, true)
		release := hold()
		t.Cleanup(release)
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		want("it stays frozen", p, true)
		release()
		want("it goes on", p, false)
		release = hold()
		if err := p.Suspend(); err != nil {
			t.Fatal(err)
		}
		release()
		time.Sleep(20 * time.Millisecond)
		want("it is suspended by now", p, true)
	})
	t.Run("freezes even what is being ended", func(t *testing.T) {
		said := newTranscript()
		c := shell("trap '' INT TERM; echo deaf $$; while :; do :; done", said)
		c.Ladder = Ladder{Interrupt: time.Hour}
		p := start(t, c)
		said.pids(t, "deaf", 1)
		p.Stop()
		eventually(t, "it is being ended", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.ending })
		release := hold()
		t.Cleanup(release)
		want("it is frozen", p, true)
		release()
		want("it goes on", p, false)
		p.Kill()
		end(t, p)
	})
	t.Run("lets a command end that is killed meanwhile", func(t *testing.T) {
		p := busy()
		release := hold()
		t.Cleanup(release)
		p.Kill()
		end(t, p)
		release()
	})
}
