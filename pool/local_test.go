package pool_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/pool"
)

// slow is a job that takes d, whatever its context does.
func slow(d time.Duration) func(context.Context) time.Duration {
	return func(context.Context) time.Duration { time.Sleep(d); return d }
}

func TestLocal(t *testing.T) {
	start := func(workers int) *pool.Local[time.Duration] {
		return pool.NewLocal[time.Duration](pool.LocalOptions{MaxWorkers: workers})
	}
	stop := func(t *testing.T, p *pool.Local[time.Duration]) {
		t.Helper()
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.TotalWorkers != 0 || s.BusyWorkers != 0 || s.QueuedTasks != 0 {
			t.Errorf("after Shutdown: %+v", s)
		}
	}
	inBubble(t, "runs all jobs at once without a bound", func(t *testing.T) {
		p := start(0)
		began := time.Now()
		var results []<-chan pool.Result[time.Duration]
		for n := range 100 {
			results = append(results, p.Go(t.Context(), slow(time.Duration(n)*time.Second)))
		}
		synctest.Wait()
		if s := p.Stats(); s.BusyWorkers != 99 || s.TotalWorkers != 99 || s.QueuedTasks != 0 || s.TotalTasksCompleted != 1 {
			t.Errorf("%+v", s)
		}
		for n, r := range results {
			if r := <-r; r.Err != nil || r.Value != time.Duration(n)*time.Second {
				t.Errorf("job %d: %+v", n, r)
			}
		}
		if took := time.Since(began); took != 99*time.Second {
			t.Errorf("it took %v", took)
		}
		stop(t, p)
	})
	inBubble(t, "runs no more jobs than MaxWorkers, in the order in which they came", func(t *testing.T) {
		p := start(2)
		var now, most atomic.Int64
		var results []<-chan pool.Result[time.Duration]
		for range 5 {
			results = append(results, p.Go(t.Context(), func(ctx context.Context) time.Duration {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				return slow(time.Second)(ctx)
			}))
		}
		synctest.Wait()
		if s := p.Stats(); s.BusyWorkers != 2 || s.QueuedTasks != 3 {
			t.Errorf("%+v", s)
		}
		began := time.Now()
		for n, r := range results {
			<-r
			if took, want := time.Since(began), time.Duration(n/2+1)*time.Second; took != want {
				t.Errorf("job %d ended after %v, want %v", n, took, want)
			}
		}
		if most.Load() != 2 {
			t.Errorf("%d jobs ran at once", most.Load())
		}
		stop(t, p)
	})
	inBubble(t, "answers a queued job at once when its context ends", func(t *testing.T) {
		p := start(1)
		first := p.Go(t.Context(), slow(time.Minute))
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		began := time.Now()
		r := <-p.Go(ctx, func(context.Context) time.Duration { t.Error("it ran"); return 0 })
		if took := time.Since(began); r.Err == nil || r.Err.Error() != "enough" || took != time.Second {
			t.Errorf("%+v after %v", r, took)
		}
		if r := <-p.Go(ctx, func(context.Context) time.Duration { t.Error("it ran"); return 0 }); r.Err == nil || r.Err.Error() != "enough" {
			t.Errorf("a job whose context had ended before: %+v", r)
		}
		<-first
		if s := p.Stats(); s.TotalTasksCompleted != 1 || s.TotalTasksFailed != 1 {
			t.Errorf("%+v", s)
		}
		stop(t, p)
	})
	inBubble(t, "waits for a job that has started, whatever its context does", func(t *testing.T) {
		p := start(1)
		ctx, cancel := context.WithCancel(t.Context())
		done := p.Go(ctx, slow(time.Minute))
		synctest.Wait()
		began := time.Now()
		cancel()
		if r := <-done; r.Err != nil || r.Value != time.Minute || time.Since(began) != time.Minute {
			t.Errorf("%+v after %v", r, time.Since(began))
		}
		stop(t, p)
	})
	inBubble(t, "keeps a panic to its job", func(t *testing.T) {
		p := start(1)
		cause := errors.New("gone")
		bad := p.Go(t.Context(), func(context.Context) time.Duration { panic(cause) })
		nothing := p.Go(t.Context(), func(context.Context) time.Duration { runtime.Goexit(); return 0 })
		good := p.Go(t.Context(), slow(time.Second))
		var panicked *pool.PanicError
		if r := <-bad; !errors.As(r.Err, &panicked) || !errors.Is(r.Err, cause) || r.Err.Error() != "panic: gone" || !strings.Contains(string(panicked.Stack), "local_test") {
			t.Errorf("%v", r.Err)
		}
		if r := <-nothing; !errors.As(r.Err, &panicked) || !strings.Contains(r.Err.Error(), "Goexit") {
			t.Errorf("%v", r.Err)
		}
		if r := <-good; r.Err != nil {
			t.Error(r.Err)
		}
		stop(t, p)
	})
	inBubble(t, "lets running jobs end at shutdown, and answers the queue", func(t *testing.T) {
		p := start(1)
		running, queued := p.Go(t.Context(), slow(time.Minute)), p.Go(t.Context(), slow(time.Minute))
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("too long"))
		defer cancel()
		if err := p.Shutdown(ctx); err == nil || err.Error() != "too long" {
			t.Errorf("Shutdown: %v", err)
		}
		if r := <-queued; !errors.Is(r.Err, pool.ErrClosed) {
			t.Errorf("the queued job: %+v", r)
		}
		if r := <-p.Go(t.Context(), slow(0)); !errors.Is(r.Err, pool.ErrClosed) {
			t.Errorf("a job after Shutdown: %+v", r)
		}
		stop(t, p)
		select {
		case r := <-running:
			if r.Err != nil {
				t.Error(r.Err)
			}
		default:
			t.Error("Shutdown returned before the running job had its result")
		}
		stop(t, p) // once more
	})
}

// Contexts end while jobs end: each job has one result, and none runs after it.
func TestLocalAnswersEachJobOnce(t *testing.T) {
	p := pool.NewLocal[int](pool.LocalOptions{MaxWorkers: 3})
	var ran atomic.Int64
	var results []<-chan pool.Result[int]
	for n := range 2000 {
		ctx, cancel := context.WithCancel(context.Background())
		results = append(results, p.Go(ctx, func(context.Context) int { ran.Add(1); runtime.Gosched(); return n }))
		go cancel()
	}
	done := int64(0)
	for n, one := range results {
		switch r := <-one; {
		case r.Err == nil && r.Value == n:
			done++
		case !errors.Is(r.Err, context.Canceled):
			t.Errorf("job %d: %+v", n, r)
		}
	}
	if err := p.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
	for n, one := range results {
		if len(one) > 0 {
			t.Errorf("job %d has a second result", n)
		}
	}
	if s := p.Stats(); ran.Load() != done || int64(s.TotalTasksCompleted) != done {
		t.Errorf("%d ran, %d were answered so, stats %+v", ran.Load(), done, s)
	}
}
