//go:build unix

package pool_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/pool"
)

// The caller that leads serves the channels of all workers. These are the ways in
// which it stops leading, and in which it is disturbed.
func TestLeader(t *testing.T) {
	needUnix(t)
	wait := func(ctx context.Context, p *pool.Pool) chan error {
		done, busy := make(chan error, 1), p.Stats().BusyWorkers
		go func() {
			_, err := p.Exec(ctx, pool.Task{Type: "wait"})
			done <- err
		}()
		for p.Stats().BusyWorkers == busy && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		return done
	}
	t.Run("is answered at once when its context ends, and the next caller leads", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 2, CancelGrace: hang})
		ctx, cancel := context.WithCancel(soon(t))
		defer cancel()
		first := wait(ctx, p)
		long, stop := context.WithCancel(soon(t))
		defer stop()
		second := wait(long, p)
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		mustExec(t, p, pool.Task{Type: "echo", Data: 1}) // while the second leads
		stop()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		mustExec(t, p, pool.Task{Type: "echo", Data: 1})
	})
	t.Run("is answered by a Shutdown whose context is done", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1})
		done := wait(soon(t), p)
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if err := p.Shutdown(over); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; !errors.Is(err, pool.ErrClosed) {
			t.Errorf("Exec: %v", err)
		}
	})
	t.Run("reads the answers of others, and assigns what waits", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 2})
		ctx, cancel := context.WithCancel(soon(t))
		done := wait(ctx, p)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for n := range 50 {
					mustExec(t, p, pool.Task{Type: "echo", Data: n})
				}
			})
		}
		all.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is the pool itself if no caller waits: the end of an idle worker is seen", func(t *testing.T) {
		events := newJournal()
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1, OnEvent: events.note})
		for n := range 3 {
			mustExec(t, p, pool.Task{Type: "echo"})
			_ = syscall.Kill(p.Stats().Workers[0].PID, syscall.SIGKILL)
			events.await(t, pool.WorkerEnded, n+1)
		}
	})
	t.Run("is the pool itself if no caller waits: a cancelled task is still answered", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 1, CancelGrace: hang})
		ctx, cancel := context.WithCancel(soon(t))
		done := wait(ctx, p)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		for p.Stats().IdleWorkers == 0 {
			time.Sleep(time.Millisecond)
		}
		if got := mustExec(t, p, pool.Task{Type: "pid"}); got == "" || p.Stats().Workers[0].Tasks != 2 {
			t.Errorf("got %s, %+v", got, p.Stats())
		}
	})
	t.Run("writes what a socket did not take, and reads large answers, of all workers", func(t *testing.T) {
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 3})
		var all sync.WaitGroup
		for n := range 6 {
			all.Go(func() {
				text := strings.Repeat(string(rune('a'+n)), (n+1)<<20)
				for range 5 {
					if got := mustExec(t, p, pool.Task{Type: "echo", Data: text}); got != `"`+text+`"` {
						t.Errorf("%d bytes came back as %d", len(text), len(got))
					}
				}
			})
		}
		all.Wait()
	})
	t.Run("lets other goroutines run on a single processor", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		p := newPool(t, pool.Self(), pool.Options{MaxWorkers: 2})
		ctx, cancel := context.WithCancel(soon(t))
		done := wait(ctx, p)
		time.AfterFunc(50*time.Millisecond, cancel) // its goroutine must run although it leads
		for n := range 100 {
			mustExec(t, p, pool.Task{Type: "echo", Data: n})
		}
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
