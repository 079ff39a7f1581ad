package pool_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

func contextEnded() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx, cancel
}

// inBubble runs a test under a false clock. Its workers must be functions.
func inBubble(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// sleeper does tasks that take as long as their data says, and notes the order.
type sleeper struct {
	mu    sync.Mutex
	order []string
}

func (s *sleeper) handlers() worker.Handlers {
	return worker.Handlers{
		"sleep": worker.Func(func(ctx context.Context, d time.Duration) (string, error) {
			select {
			case <-time.After(d):
				return "slept", nil
			case <-ctx.Done():
				return "", errors.New("woken")
			}
		}),
		"note": worker.Func(func(_ context.Context, name string) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.order = append(s.order, name)
			return nil, nil
		}),
		"panic":  func(context.Context, json.RawMessage) (any, error) { panic("no") },
		"goexit": func(context.Context, json.RawMessage) (any, error) { runtime.Goexit(); return nil, nil },
		"chan":   func(context.Context, json.RawMessage) (any, error) { return make(chan int), nil },
	}
}

func TestPool(t *testing.T) {
	start := func(t *testing.T, o pool.Options) (*pool.Pool, *sleeper) {
		s := &sleeper{}
		p, err := pool.New(pool.Handlers(s.handlers()), o)
		if err != nil {
			t.Fatal(err)
		}
		return p, s
	}
	stop := func(t *testing.T, p *pool.Pool) {
		t.Helper()
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	sleep := func(d time.Duration) pool.Task { return pool.Task{Type: "sleep", Data: d} }

	inBubble(t, "starts no more workers than it may, and counts them", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 2})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, err := p.Exec(t.Context(), sleep(time.Second)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if s := p.Stats(); s.TotalWorkers != 2 || s.BusyWorkers != 2 || s.IdleWorkers != 0 || s.QueuedTasks != 3 {
			t.Errorf("at work: %+v", s)
		}
		all.Wait()
		if s := p.Stats(); s.TotalWorkers != 2 || s.IdleWorkers != 2 || s.TotalTasksCompleted != 5 {
			t.Errorf("after it: %+v", s)
		}
		stop(t, p)
	})
	inBubble(t, "ends workers without work after the idle timeout, down to the minimum", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 3, MinWorkers: 1, IdleTimeout: 10 * time.Second})
		synctest.Wait()
		if s := p.Stats(); s.TotalWorkers != 1 {
			t.Errorf("at first: %+v", s)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { _, _ = p.Exec(t.Context(), sleep(time.Second)) })
		}
		all.Wait()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.TotalWorkers != 3 {
			t.Errorf("after 9 s: %+v", s)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.TotalWorkers != 1 {
			t.Errorf("after 11 s: %+v", s)
		}
		stop(t, p)
	})
	inBubble(t, "gives out the highest priority first, and equal ones in order", func(t *testing.T) {
		p, notes := start(t, pool.Options{MaxWorkers: 1})
		var all sync.WaitGroup
		all.Go(func() { _, _ = p.Exec(t.Context(), sleep(time.Second)) })
		synctest.Wait()
		for n, priority := range []int{0, 5, 0, 5, -1} {
			all.Go(func() {
				_, _ = p.Exec(t.Context(), pool.Task{Type: "note", Data: fmt.Sprintf("%d:%d", priority, n), Priority: priority})
			})
			synctest.Wait()
		}
		all.Wait()
		if got := strings.Join(notes.order, " "); got != "5:1 5:3 0:0 0:2 -1:4" {
			t.Errorf("order %s", got)
		}
		stop(t, p)
	})
	inBubble(t, "replaces a worker after its number of tasks", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 1, RecycleTasks: 3})
		for n := range 7 {
			r, err := p.Exec(t.Context(), sleep(time.Second))
			if err != nil || r.Worker != 1+n/3 {
				t.Errorf("task %d was done by worker %d, %v", n, r.Worker, err)
			}
		}
		if s := p.Stats(); s.TotalWorkersRecycled != 2 {
			t.Errorf("%+v", s)
		}
		stop(t, p)
	})
	inBubble(t, "answers a cancelled task at once, in the queue and at work", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 1})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		began := time.Now()
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, err := p.Exec(ctx, sleep(time.Hour)); err == nil || err.Error() != "enough" {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if _, err := p.Exec(t.Context(), sleep(time.Second)); err != nil {
			t.Error(err) // the worker was woken
		}
		stop(t, p)
	})
	inBubble(t, "ends a task at its timeout, which counts from its start", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 1, TaskTimeout: 10 * time.Second})
		var all sync.WaitGroup
		for n := range 3 {
			all.Go(func() {
				if _, err := p.Exec(t.Context(), sleep(9*time.Second)); err != nil {
					t.Errorf("task %d: %v", n, err)
				}
			})
		}
		all.Wait()
		if _, err := p.Exec(t.Context(), sleep(11*time.Second)); !errors.Is(err, pool.ErrTimeout) {
			t.Errorf("got %v", err)
		}
		stop(t, p)
	})
	inBubble(t, "holds callers back, or rejects them, when the queue is full", func(t *testing.T) {
		for _, reject := range []bool{false, true} {
			p, _ := start(t, pool.Options{MaxWorkers: 1, MaxQueue: 1, RejectWhenFull: reject})
			var all sync.WaitGroup
			all.Go(func() { _, _ = p.Exec(t.Context(), sleep(time.Second)) })
			synctest.Wait()
			all.Go(func() { _, _ = p.Exec(t.Context(), sleep(time.Second)) })
			synctest.Wait()
			began := time.Now()
			_, err := p.Exec(t.Context(), sleep(time.Second))
			if waited := time.Since(began); reject && (!errors.Is(err, pool.ErrQueueFull) || waited > 0) || !reject && (err != nil || waited != 3*time.Second) {
				t.Errorf("reject %v: %v after %v", reject, err, waited)
			}
			all.Wait()
			stop(t, p)
		}
	})
	inBubble(t, "lets running work end at shutdown and answers the queue", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 1})
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := p.Exec(t.Context(), sleep(time.Minute)); err != nil {
				t.Error("the running one:", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := p.Exec(t.Context(), sleep(time.Minute)); !errors.Is(err, pool.ErrClosed) {
				t.Error("the one in the queue:", err)
			}
		})
		synctest.Wait()
		began := time.Now()
		stop(t, p)
		all.Wait()
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v", took)
		}
		stop(t, p) // once more
	})
	inBubble(t, "keeps a worker whose handler panics", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 1})
		_, err := p.Exec(t.Context(), pool.Task{Type: "panic"})
		var failed *pool.TaskError
		if !errors.As(err, &failed) || failed.Message != "panic: no" || !strings.Contains(string(failed.Detail), "pool_test") {
			t.Errorf("got %v", err)
		}
		if r, err := p.Exec(t.Context(), sleep(1)); err != nil || r.Worker != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		stop(t, p)
	})
	inBubble(t, "replaces a worker whose handler ends the goroutine", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 1})
		if _, err := p.Exec(t.Context(), pool.Task{Type: "goexit"}); err == nil {
			t.Error("no error")
		}
		if r, err := p.Exec(t.Context(), sleep(1)); err != nil || r.Worker != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		stop(t, p)
	})
	inBubble(t, "reports data and results that are not JSON", func(t *testing.T) {
		p, _ := start(t, pool.Options{MaxWorkers: 1, MaxFrame: 1000, MaxQueue: 1, RejectWhenFull: true})
		for _, task := range []pool.Task{{Type: "note", Data: make(chan int)}, {Type: "chan"}, {Type: "note", Data: strings.Repeat("x", 2000)}} {
			if _, err := p.Exec(t.Context(), task); err == nil || errors.Is(err, pool.ErrQueueFull) {
				t.Errorf("task %q: %v", task.Type, err)
			}
		}
		if _, err := p.Exec(t.Context(), pool.Task{Data: strings.Repeat("x", 2000)}); !errors.Is(err, pool.ErrTooLarge) {
			t.Errorf("too much data: %v", err)
		}
		stop(t, p)
	})
	inBubble(t, "gives up on a handler that does not return", func(t *testing.T) {
		release := make(chan struct{})
		p, err := pool.New(pool.Handlers(worker.Handlers{"stuck": func(context.Context, json.RawMessage) (any, error) { <-release; return nil, nil }}), pool.Options{})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = p.Exec(context.Background(), pool.Task{Type: "stuck"}) }()
		synctest.Wait()
		ctx, cancel := contextEnded()
		defer cancel()
		if err := p.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "cannot be ended") {
			t.Errorf("got %v", err)
		}
		close(release)
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
