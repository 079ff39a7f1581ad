package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/memtools"
)

// Pool is a set of workers and a queue of tasks. Its methods may be called by
// many goroutines.
type Pool struct {
	d      *dispatcher
	nextID atomic.Uint64

	closing chan struct{} // closed by the first Shutdown
	over    chan struct{} // closed when nothing of the pool is left

	closeOnce, abortOnce sync.Once
}

// New returns a pool of workers that run program. It starts Options.MinWorkers
// of them and does not wait for those. A mistake that can be seen before a
// worker runs, such as a script that does not exist, is an error here; every
// other one is the error of the first tasks. The pool must be shut down.
func New(program Program, o Options) (*Pool, error) {
	o = o.withDefaults()
	f, err := program.open(o)
	if err != nil {
		return nil, err
	}
	d := newDispatcher(o, f)
	if o.Verbose {
		d.log = &log{to: o.Log}
	}
	if processes, ok := f.(*processes); ok {
		if d.poller, err = newPoller(); err != nil {
			f.close()
			return nil, err
		}
		processes.poller = d.poller
		processes.log, processes.run = d.log, proc.NewRunID()
		tracker, err := memtools.NewTracker()
		switch {
		case err == nil:
			processes.gauge, d.gauge = tracker, newGauge(tracker)
		case o.Budget > 0 || o.RecycleMemory > 0:
			f.close()
			d.poller.close()
			return nil, fmt.Errorf("measure the memory of workers: %w", err)
		}
	}
	p := &Pool{d: d, closing: make(chan struct{}), over: make(chan struct{})}
	go func() {
		defer close(p.over)
		d.run()
	}()
	d.do(func() {}) // starts MinWorkers
	return p, nil
}

// Exec gives t to a worker, waits for the answer and returns it. Where the
// worker says that the task failed, the error is a *TaskError; where the worker
// died, a *CrashError; where none could be started, a *StartError; after its
// time, ErrTimeout; when ctx is done first, the cause of ctx. Then the worker is
// told so, and ended when it does not answer soon.
func (p *Pool) Exec(ctx context.Context, t Task) (Answer, error) {
	if ctx.Err() != nil {
		return Answer{}, context.Cause(ctx)
	}
	if err := p.enter(ctx); err != nil {
		return Answer{}, err
	}
	j, err := newJob(p.nextID.Add(1), t, p.d.o.MaxFrame)
	if err != nil {
		p.d.leave()
		return Answer{}, err
	}
	leads := false
	p.d.do(func() {
		p.d.submitted(j)
		leads = p.d.claim(j)
	})
	o := p.d.await(ctx, j, leads)
	return o.result, o.err
}

// enter waits for room in the queue.
func (p *Pool) enter(ctx context.Context) error {
	if p.d.room == nil {
		return nil
	}
	select {
	case p.d.room <- struct{}{}:
		return nil
	default:
	}
	if p.d.o.RejectWhenFull {
		return ErrQueueFull
	}
	select {
	case p.d.room <- struct{}{}:
		return nil
	case <-p.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Do is Exec with a result of type T.
func Do[T any](ctx context.Context, p *Pool, t Task) (T, error) {
	var value T
	r, err := p.Exec(ctx, t)
	if err == nil {
		err = r.Decode(&value)
	}
	return value, err
}

// Stats returns the pool as it is now. After Shutdown it is the last state.
func (p *Pool) Stats() Stats {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	return p.d.snapshot()
}

// stuck is how long Shutdown waits for workers that were ended: a process has
// ended after that, a function in this process may never do so.
const stuck = 5 * time.Second

// Shutdown takes no more tasks, answers those in the queue with ErrClosed, lets
// those that run come to their end, and ends all workers. When ctx is done it
// ends the running ones as well, and returns the cause of ctx. No process is
// left when it has returned. Further calls wait for the same end.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.closeOnce.Do(func() {
		close(p.closing)
		p.d.do(p.d.close)
	})
	select {
	case <-p.over:
		return nil
	case <-ctx.Done():
	}
	p.abortOnce.Do(func() { p.d.do(p.d.abortAll) })
	late := time.NewTimer(stuck)
	defer late.Stop()
	select {
	case <-p.over:
		return context.Cause(ctx)
	case <-late.C:
		return errors.Join(context.Cause(ctx), errors.New("a worker of the pool cannot be ended"))
	}
}
