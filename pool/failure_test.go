package pool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"math/rand/v2"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool"
)

func TestGoWorker(t *testing.T) {
	needUnix(t)
	p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 2, Env: []string{"POOL_TEST_COLOUR=blue"}})
	t.Run("answers", func(t *testing.T) {
		if got, err := pool.Do[[]int](soon(t), p, pool.Task{Type: "echo", Data: []int{1, 2}}); err != nil || len(got) != 2 {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("is another process", func(t *testing.T) {
		if got := mustExec(t, p, pool.Task{Type: "pid"}); got == fmt.Sprint(os.Getpid()) {
			t.Error("it is this one")
		}
	})
	t.Run("has the variables of the options, and hides those of the pool from its children", func(t *testing.T) {
		for name, want := range map[string]string{"POOL_TEST_COLOUR": `"blue"`, "HEAPMAGE_POOL_FD": `""`} {
			if got := mustExec(t, p, pool.Task{Type: "env", Data: name}); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	})
	t.Run("reports an error and goes on", func(t *testing.T) {
		_, err := p.Exec(soon(t), pool.Task{Type: "fail"})
		var failed *pool.TaskError
		if !errors.As(err, &failed) || failed.Message != "it went wrong" || failed.Type != "fail" {
			t.Errorf("got %v", err)
		}
		_, err = p.Exec(soon(t), pool.Task{Type: "no such type"})
		if err == nil || !strings.Contains(err.Error(), "no such type") || !strings.Contains(err.Error(), "echo") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("dies of a panic, and the error has its text", func(t *testing.T) {
		_, err := p.Exec(soon(t), pool.Task{Type: "panic"})
		var crash *pool.CrashError
		if !errors.As(err, &crash) || !strings.Contains(err.Error(), "panic: the handler gave up") {
			t.Errorf("got %v", err)
		}
		mustExec(t, p, pool.Task{Type: "pid"})
	})
}

func TestRepeat(t *testing.T) {
	needUnix(t)
	t.Run("tries a repeatable task once more on a fresh worker", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1})
		r, err := p.Exec(soon(t), pool.Task{Type: "once", Data: filepath.Join(t.TempDir(), "f"), Repeatable: true})
		if err != nil || r.Attempts != 2 || r.Worker != 2 {
			t.Errorf("result %+v, %v", r, err)
		}
	})
	t.Run("uses no worker for it that has done another task", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 2})
		var two sync.WaitGroup
		ctx, cancel := context.WithCancel(soon(t))
		for range 2 {
			two.Go(func() { _, _ = p.Exec(ctx, pool.Task{Type: "wait"}) })
		}
		// One worker would do both tasks if the other started late.
		for p.Stats().BusyWorkers < 2 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
		two.Wait()
		r, err := p.Exec(soon(t), pool.Task{Type: "once", Data: filepath.Join(t.TempDir(), "f"), Repeatable: true})
		if err != nil || r.Worker != 3 {
			t.Errorf("result %+v, %v", r, err)
		}
	})
	t.Run("does not try another one again", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1})
		_, err := p.Exec(soon(t), pool.Task{Type: "once", Data: filepath.Join(t.TempDir(), "f")})
		var crash *pool.CrashError
		if !errors.As(err, &crash) || crash.ExitCode != 7 || crash.Output != "last words\n" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("gives up after the second time", func(t *testing.T) {
		events := newJournal()
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1, OnEvent: events.note})
		_, err := p.Exec(soon(t), pool.Task{Type: "exit", Data: 3, Repeatable: true})
		var crash *pool.CrashError
		if !errors.As(err, &crash) || crash.ExitCode != 3 || len(events.all(pool.WorkerStarting)) != 2 {
			t.Errorf("got %v after %d workers", err, len(events.all(pool.WorkerStarting)))
		}
	})
}

func TestWorkersThatBreakTheProtocol(t *testing.T) {
	needUnix(t)
	run := func(t *testing.T, how string, o pool.Options) (pool.Answer, error) {
		o.Env, o.MaxWorkers = []string{misbehaveEnv + "=" + how}, 1
		p := newPool(t, pool.Self(), o)
		return p.Exec(soon(t), pool.Task{Data: how})
	}
	for _, c := range []struct {
		how, want string
		start     bool // it never becomes ready
	}{
		{"garbage at the start", "not a frame of the worker protocol", true},
		{"garbage in a task", "not a frame of the worker protocol", false},
		{"a frame of 100 MB", "the frame is too large", false},
		{"an answer before ready", `its first frame is "result"`, true},
		{"a later version", "it speaks version 99, this pool speaks 1", true},
		{"half a frame", "exit code 0 before it answered", false},
	} {
		t.Run(c.how, func(t *testing.T) {
			_, err := run(t, c.how, pool.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			var start *pool.StartError
			var crash *pool.CrashError
			if errors.As(err, &start) != c.start || errors.As(err, &crash) == c.start {
				t.Errorf("%T", err)
			}
		})
	}
	t.Run("a closed channel", func(t *testing.T) {
		_, err := run(t, "a closed channel", pool.Options{})
		var crash *pool.CrashError
		if !errors.As(err, &crash) || crash.Signal == "" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nothing at the start", func(t *testing.T) {
		_, err := run(t, "nothing", pool.Options{StartTimeout: 200 * time.Millisecond})
		var start *pool.StartError
		if !errors.As(err, &start) || !strings.Contains(err.Error(), "not ready within 200ms") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an answer twice, and one to no task", func(t *testing.T) {
		events := newJournal()
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1, Env: []string{misbehaveEnv + "=an answer twice, and one to no task"}, OnEvent: events.note})
		for n := range 5 {
			if got := mustExec(t, p, pool.Task{Data: n}); got != fmt.Sprint(n) {
				t.Errorf("task %d was answered %s", n, got)
			}
		}
		events.await(t, pool.StrayAnswer, 9)
	})
	t.Run("kinds of the future", func(t *testing.T) {
		if r, err := run(t, "kinds of the future", pool.Options{}); err != nil || string(r.Value) != "true" {
			t.Errorf("got %s, %v", r.Value, err)
		}
	})
}

func TestTaskThatDoesNotEnd(t *testing.T) {
	needUnix(t)
	t.Run("is told of its timeout, and its worker goes on", func(t *testing.T) {
		events := newJournal()
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1, TaskTimeout: 20 * time.Millisecond, CancelGrace: hang, OnEvent: events.note})
		if _, err := p.Exec(soon(t), pool.Task{Type: "wait"}); !errors.Is(err, pool.ErrTimeout) {
			t.Errorf("got %v", err)
		}
		if _, err := p.Exec(soon(t), pool.Task{Type: "pid", Timeout: hang}); err != nil {
			t.Error(err)
		}
		if n := len(events.all(pool.WorkerStarting)); n != 1 {
			t.Errorf("%d workers", n)
		}
	})
	t.Run("is killed with its worker if it does not react", func(t *testing.T) {
		events := newJournal()
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1, TaskTimeout: 20 * time.Millisecond, CancelGrace: 20 * time.Millisecond, OnEvent: events.note})
		if _, err := p.Exec(soon(t), pool.Task{Type: "deaf"}); !errors.Is(err, pool.ErrTimeout) {
			t.Errorf("got %v", err)
		}
		if _, err := p.Exec(soon(t), pool.Task{Type: "pid", Timeout: hang}); err != nil {
			t.Error(err)
		}
		if e := events.await(t, pool.WorkerEnded, 1)[0]; !strings.Contains(e.Text, "timed out") {
			t.Errorf("event %v", e)
		}
	})
}

func TestShutdownEndsProcesses(t *testing.T) {
	needUnix(t)
	events := newJournal()
	p, err := pool.New(pool.Self(), pool.Options{MaxWorkers: 2, OnEvent: events.note})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 { // two run, one waits
		all.Go(func() {
			if _, err := p.Exec(soon(t), pool.Task{Type: "deaf"}); !errors.Is(err, pool.ErrClosed) {
				t.Errorf("got %v", err)
			}
		})
	}
	events.await(t, pool.TaskStarted, 2)
	ctx, cancel := contextEnded()
	defer cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, ctx.Err()) {
		t.Errorf("shutdown: %v", err)
	}
	all.Wait()
	if s := p.Stats(); s.TotalWorkers != 0 || s.QueuedTasks != 0 || s.TotalTasksFailed != 3 {
		t.Errorf("stats %+v", s)
	}
	if _, err := p.Exec(soon(t), pool.Task{Type: "pid"}); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("after shutdown: %v", err)
	}
}

// 10,000 tasks over 8 workers, one of which is killed every 150 answers.
func TestEveryTaskIsAnsweredOnceWhileWorkersAreKilled(t *testing.T) {
	needUnix(t)
	const tasks, each = 10_000, 150
	var mu sync.Mutex
	alive := map[int]memtools.Identity{}
	p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 8, OnEvent: func(e pool.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e.Kind {
		case pool.WorkerReady:
			if id, err := memtools.Identify(e.PID); err == nil {
				alive[e.Worker] = id
			}
		case pool.WorkerEnded:
			delete(alive, e.Worker)
		}
	}})
	var killed, done, crashed, answers atomic.Int64
	kill := func() {
		mu.Lock()
		defer mu.Unlock()
		for n := range alive { // in random order
			if alive[n].Signal(os.Kill) == nil {
				killed.Add(1)
			}
			delete(alive, n)
			return
		}
	}
	var callers sync.WaitGroup
	next := make(chan int)
	for range 32 {
		callers.Go(func() {
			for n := range next {
				r, err := p.Exec(soon(t), pool.Task{Type: "echo", Data: n, Repeatable: n%2 == 0, Priority: rand.IntN(3)})
				var crash *pool.CrashError
				switch {
				case err == nil && string(r.Value) == fmt.Sprint(n):
					done.Add(1)
				case errors.As(err, &crash) && crash.Signal == "SIGKILL":
					crashed.Add(1)
				default:
					t.Errorf("task %d: %s, %v", n, r.Value, err)
				}
				if answers.Add(1)%each == 0 {
					kill()
				}
			}
		})
	}
	for n := range tasks {
		next <- n
	}
	close(next)
	callers.Wait()
	s := p.Stats()
	if done.Load()+crashed.Load() != tasks || s.TotalTasksCompleted != int(done.Load()) || s.TotalTasksFailed != int(crashed.Load()) || s.QueuedTasks != 0 || s.BusyWorkers != 0 {
		t.Errorf("%d done and %d crashed of %d; stats %+v", done.Load(), crashed.Load(), tasks, s)
	}
	if killed.Load() == 0 || s.TotalWorkersCrashed == 0 {
		t.Errorf("%d workers were killed, %d crashed", killed.Load(), s.TotalWorkersCrashed)
	}
	t.Logf("%d workers killed, %d tasks lost theirs", killed.Load(), crashed.Load())
}

// A script that leaks 20 MB a task does 200 tasks under a limit of 200 MB.
func TestRecyclingOutrunsALeak(t *testing.T) {
	need(t, "node")
	text := `const kept = [];
	process.on('message', ({data}) => {
		kept.push(new Array(20 * 1048576 / 8).fill(data + 0.5));
		process.send(kept.length);
	})`
	p := newPool(t, pool.NodeScript(script(t, "leak.cjs", text)), pool.Options{MaxWorkers: 2, HeapLimit: 200 << 20})
	var callers sync.WaitGroup
	next := make(chan int)
	for range 4 {
		callers.Go(func() {
			for n := range next {
				if _, err := p.Exec(soon(t), pool.Task{Data: n}); err != nil {
					t.Errorf("task %d: %v", n, err)
				}
			}
		})
	}
	for n := range 200 {
		next <- n
	}
	close(next)
	callers.Wait()
	s := p.Stats()
	if s.TotalTasksCompleted != 200 || s.TotalWorkersCrashed != 0 || s.TotalWorkersRecycled < 20 || s.Peak < 100<<20 {
		t.Errorf("stats %+v", s)
	}
}
