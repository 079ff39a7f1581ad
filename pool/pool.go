package pool

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Pool is a set of workers and a queue of tasks. Make it with [New]. It is safe for
// concurrent use.
type Pool struct {
	d      *dispatcher
	nextID atomic.Uint64

	closing chan struct{} // closed by the first Shutdown
	over    chan struct{} // closed when nothing of the pool is left

	closeOnce, abortOnce sync.Once
}

// New returns a pool of workers that run program. It starts Options.MinWorkers
// of them, and does not wait for them. The pool must be shut down.
//
// It fails if the program is certain not to run: a Node script that does not exist
// is an error that wraps fs.ErrNotExist. It also fails if o has a Budget, or memory
// at which to recycle, and this system cannot measure processes. Every other mistake
// is the [StartError] of the first tasks.
func New(program Program, o Options) (*Pool, error) {
	d, err := newDispatcher(program, o.withDefaults())
	if err != nil {
		return nil, err
	}
	p := &Pool{d: d, closing: make(chan struct{}), over: make(chan struct{})}
	go func() {
		defer close(p.over)
		d.run()
	}()
	d.do(func() {}) // starts MinWorkers
	return p, nil
}

// Exec gives t to a worker, waits for the answer and returns it.
//
// The error is a *[TaskError] if the worker reported a failure, a *[CrashError]
// if the worker died, a *[StartError] if none could be started, [ErrTimeout],
// [ErrQueueFull], [ErrClosed], [ErrTooLarge], or that of encoding the data of t.
// Test for them with errors.As and errors.Is.
//
// When ctx is done, Exec returns its cause at once. A worker that has the task is
// told so, and killed if it does not answer within Options.CancelGrace.
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
		p.d.submit(j)
		leads = p.d.claim(j)
	})
	o := p.d.await(ctx, j, leads)
	return o.answer, o.err
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

// Do calls p.Exec and decodes the result as a T. Its errors are those of Exec, and
// that of json.Unmarshal.
func Do[T any](ctx context.Context, p *Pool, t Task) (T, error) {
	var value T
	a, err := p.Exec(ctx, t)
	if err == nil {
		err = a.Decode(&value)
	}
	return value, err
}

// Stats returns the pool as it is now; after Shutdown, as it was at its end.
func (p *Pool) Stats() Stats {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	return p.d.snapshot()
}

// stuck is how long Shutdown waits for workers after it has killed them. A
// process is gone by then; a function in this process may never return.
const stuck = 5 * time.Second

// Shutdown refuses new tasks, answers those in the queue with ErrClosed, waits for
// the running ones, and ends all workers. When ctx is done, it kills the workers
// that still run, and returns the cause of ctx; so give it a context of its own if
// that of the tasks may be done already. No process is left when it has returned.
// Only a function of [Handlers] that does not return within 5 s after that is left
// behind, with an error. Shutdown may be called again, and then waits for the same
// end.
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
