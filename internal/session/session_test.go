package session

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

func TestMain(m *testing.M) {
	code := m.Run()
	proc.Shutdown()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// keeper keeps the events.
type keeper struct {
	mu   sync.Mutex
	seen []event.Event
}

func (k *keeper) Take(e event.Stamped, _ *tally.State) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = append(k.seen, e.Event)
}

func (k *keeper) events() []event.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]event.Event(nil), k.seen...)
}

func open(t *testing.T, o Options) (*Session, *keeper) {
	t.Helper()
	k := &keeper{}
	o.ID, o.Reporters = proc.NewRunID(), []tally.Reporter{k}
	if o.MaxBudget == 0 {
		o.MaxBudget = memtools.GB
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s, k
}

func closed(t *testing.T, s *Session) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSession(t *testing.T) {
	t.Run("begins with the first event and a measurement", func(t *testing.T) {
		s, k := open(t, Options{First: event.RunStarted{Target: "build"}})
		closed(t, s)
		seen := k.events()
		if len(seen) < 2 {
			t.Fatalf("%+v", seen)
		}
		_, started := seen[0].(event.RunStarted)
		sample, measured := seen[1].(event.Sample)
		if !started || !measured || sample.Usage <= 0 || sample.Budget <= 0 {
			t.Errorf("%+v", seen)
		}
		s.Tally.Read(func(now *tally.State) {
			if now.Run.Target != "build" || now.Peak < sample.Usage {
				t.Errorf("%+v", now)
			}
		})
	})
	t.Run("measures its tasks", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("needs sh")
		}
		s, _ := open(t, Options{})
		c := exec.Command("sh", "-c", "read line")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		s.Meter.Begin(s.ID+"/core#build", c.Process.Pid, nil)
		var usage memtools.Bytes
		for end := time.Now().Add(20 * time.Second); usage == 0 && time.Now().Before(end); {
			<-s.Sampled
			usage = s.Tasks(s.Meter.Last())["core#build"]
		}
		if usage <= 0 {
			t.Error("the task uses nothing")
		}
		_ = in.Close()
		_ = c.Wait() // read fails at the end of its input
		closed(t, s)
	})
	t.Run("talks to Node processes only if Collect is set", func(t *testing.T) {
		s, _ := open(t, Options{})
		if s.Heaps != nil || s.GC != nil {
			t.Error("it has a server")
		}
		closed(t, s)
		s, _ = open(t, Options{Collect: true})
		if s.Heaps == nil || s.GC == nil || s.HeapsErr != nil {
			t.Error(s.HeapsErr)
		}
		dir := s.Heaps.Dir()
		closed(t, s)
		if _, err := os.Stat(dir); err == nil {
			t.Error("its folder is left")
		}
	})
	t.Run("works even if it cannot talk to Node processes", func(t *testing.T) {
		t.Setenv("TMPDIR", t.TempDir()+"/missing")
		t.Setenv("TMP", os.Getenv("TMPDIR"))
		s, _ := open(t, Options{Collect: true})
		if s.HeapsErr == nil || s.Heaps != nil || s.GC != nil {
			t.Error("it has a server in a folder that does not exist")
		}
		closed(t, s)
	})
	t.Run("emits nothing once it has settled", func(t *testing.T) {
		s, k := open(t, Options{Tick: time.Millisecond})
		<-s.Sampled
		s.Settle()
		s.Events.Emit(event.RunFinished{})
		time.Sleep(20 * time.Millisecond)
		closed(t, s)
		seen := k.events()
		if _, last := seen[len(seen)-1].(event.RunFinished); !last {
			t.Errorf("%+v came after the end", seen[len(seen)-1])
		}
	})
	t.Run("knows which tasks are frozen", func(t *testing.T) {
		s, _ := open(t, Options{})
		task := event.Task{ID: "core#build"}
		s.Events.Emit(event.TaskStarted{Task: task})
		s.Events.Emit(event.Correction{Task: task, Action: event.Paused})
		if !s.frozen("core#build") || s.frozen("web#build") {
			t.Error("core#build is the frozen one")
		}
		closed(t, s)
	})
}

// TestTask: a process in nested runs carries a mark of each.
func TestTask(t *testing.T) {
	s := &Session{ID: "inner"}
	for mark, want := range map[string]string{
		"inner/core#build":                 "core#build",
		"outer/web#build;inner/core#build": "core#build",
		"outer/web#build":                  "",
		"":                                 "",
	} {
		if got := s.task(mark); got != want {
			t.Errorf("%q is %q, want %q", mark, got, want)
		}
	}
}

func TestExit(t *testing.T) {
	ended := func(cause error) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(cause)
		return ctx
	}
	for _, tt := range []struct {
		claim  string
		ctx    context.Context
		code   int
		reason string
	}{
		{"goes on", context.Background(), 0, ""},
		{"interrupted", ended(nil), problem.ExitInterrupted, "interrupted"},
		{"terminated", ended(errTerminated), problem.ExitTerminated, "terminated"},
		{"out of time", ended(errDeadline), problem.ExitFailed, "out of time (-t)"},
		{"another cause is an interrupt", ended(errors.New("x")), problem.ExitInterrupted, "interrupted"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if code, reason := Exit(tt.ctx); code != tt.code || reason != tt.reason {
				t.Errorf("%d %q", code, reason)
			}
		})
	}
}

func TestStoppable(t *testing.T) {
	t.Run("ends at SIGTERM", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("has no SIGTERM")
		}
		ctx, release := Stoppable(t.Context())
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if err := self.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		if code, _ := Exit(ctx); code != problem.ExitTerminated {
			t.Error(code)
		}
		release()
	})
	t.Run("ends before Mage's deadline", func(t *testing.T) {
		outer, cancel := context.WithTimeout(t.Context(), windDown+50*time.Millisecond)
		defer cancel()
		ctx, release := Stoppable(outer)
		<-ctx.Done()
		if _, reason := Exit(ctx); !strings.Contains(reason, "out of time") || outer.Err() != nil {
			t.Error(reason, outer.Err())
		}
		release()
	})
}
