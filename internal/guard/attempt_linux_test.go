package guard

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/runner"
)

// A script that was stopped to make room runs again, though the guard looks at it once more
// while it dies.
func TestADyingScriptDoesNotListen(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	begin := func(text string) (*attempt, *exec.Cmd) {
		cmd := exec.Command("sh", "-c", text)
		cmd.Stdin = r
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
		a := &attempt{job: &job{open: true}, leader: identify(cmd.Process.Pid)}
		a.ctx, a.stop = context.WithCancelCause(t.Context())
		return a, cmd
	}

	reader, _ := begin("read line")
	for begun := time.Now(); !reader.reads(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("one that reads does not listen")
		}
	}

	stopped, _ := begin("read line")
	stopped.stop(runner.ErrPressure)
	if stopped.reads() {
		t.Error("one that is being stopped listens")
	}

	killed, cmd := begin("sleep 30; true")
	_ = cmd.Process.Kill()
	for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(time.Millisecond) {
		if p, err := proctable.Lookup(killed.leader.PID); err != nil || p.Zombie {
			break
		}
	}
	if killed.reads() {
		t.Error("one that was killed listens")
	}
}
