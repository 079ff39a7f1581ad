package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
)

// LocalOptions set up a [Local]. The zero value bounds nothing.
type LocalOptions struct {
	// MaxWorkers is how many jobs may run at once; the others wait in the order in
	// which they came. Zero or less means no bound, unlike in Options: the jobs
	// themselves take next to no processor time.
	MaxWorkers int
}

// Local runs jobs on goroutines of this process, each of which returns a T: no
// worker process, no JSON, no memory budget. It is for jobs whose work is done by
// processes that they start, which give the isolation. If a job can fail, make T
// hold the error.
//
// It guarantees one [Result] for each job, and that no goroutine is left when
// Shutdown has returned nil. It costs one goroutine for each job that runs and
// none while idle. Make it with [NewLocal]. It is safe for concurrent use.
type Local[T any] struct {
	maxWorkers int

	mu     sync.Mutex // guards all below
	queue  []*localJob[T]
	busy   int
	sums   Stats         // the totals
	closed bool          // by Shutdown
	empty  chan struct{} // closed when closed and nothing runs
}

// Result is what became of a job.
type Result[T any] struct {
	// Value is what the job returned, the zero value if Err is set.
	Value T
	// Err is nil if the job returned. Else it is a *[PanicError], or the reason
	// why the job never started: [ErrClosed] or the cause of its context.
	Err error
}

// PanicError is a panic of a job. It stays with that job: other jobs go on.
type PanicError struct {
	// Value is what the job panicked with. If the job called runtime.Goexit, it
	// is an error that reports so.
	Value any
	// Stack is the stack of the goroutine, as debug.Stack formats it. Nil after
	// runtime.Goexit.
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns Value if that is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var errGoexit = errors.New("the job called runtime.Goexit")

// localJob is one job on its way.
type localJob[T any] struct {
	ctx    context.Context
	do     func(context.Context) T
	result chan Result[T] // holds the one result; never closed
	forget func() bool    // stops the watch of ctx while it is queued
}

// NewLocal returns a Local. It starts no goroutine.
func NewLocal[T any](o LocalOptions) *Local[T] {
	return &Local[T]{maxWorkers: max(0, o.MaxWorkers), empty: make(chan struct{})}
}

// Go runs job with ctx in a goroutine, as soon as MaxWorkers allows, and
// returns at once. The channel receives exactly one Result, so receive from it once
// and do not range over it: it is never closed. It is buffered, so it need not be read.
//
// If ctx is done before the job has started, the job never runs. Once started,
// it is waited for: the Result comes when job returns, not when ctx is done.
func (p *Local[T]) Go(ctx context.Context, job func(context.Context) T) <-chan Result[T] {
	j := &localJob[T]{ctx: ctx, do: job, result: make(chan Result[T], 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		j.result <- Result[T]{Err: ErrClosed}
	case ctx.Err() != nil:
		j.result <- Result[T]{Err: context.Cause(ctx)}
	case p.maxWorkers > 0 && p.busy >= p.maxWorkers:
		p.queue = append(p.queue, j)
		j.forget = context.AfterFunc(ctx, func() { p.withdraw(j) })
	default:
		p.busy++
		go p.work(j)
	}
	return j.result
}

// withdraw answers a job whose context ended while it was in the queue.
func (p *Local[T]) withdraw(j *localJob[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := slices.Index(p.queue, j); n >= 0 {
		p.queue = slices.Delete(p.queue, n, n+1)
		p.answerLocked(j, Result[T]{Err: context.Cause(j.ctx)})
	}
}

// work runs j, and after it what waits. A job that calls runtime.Goexit ends
// this goroutine, so the next one is started by the deferred call.
func (p *Local[T]) work(j *localJob[T]) {
	r := Result[T]{Err: &PanicError{Value: errGoexit}}
	defer func() {
		if v := recover(); v != nil {
			r.Err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		p.ended(j, r)
	}()
	value := j.do(j.ctx)
	r = Result[T]{Value: value}
}

// ended answers j and starts the next job.
func (p *Local[T]) ended(j *localJob[T], r Result[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	p.answerLocked(j, r)
	for len(p.queue) > 0 {
		next := p.queue[0]
		p.queue = slices.Delete(p.queue, 0, 1)
		if next.forget(); next.ctx.Err() != nil { // withdraw comes too late for it
			p.answerLocked(next, Result[T]{Err: context.Cause(next.ctx)})
			continue
		}
		p.busy++
		go p.work(next)
		return
	}
	if p.closed && p.busy == 0 {
		close(p.empty)
	}
}

func (p *Local[T]) answerLocked(j *localJob[T], r Result[T]) {
	if r.Err == nil {
		p.sums.TotalTasksCompleted++
	} else {
		p.sums.TotalTasksFailed++
	}
	j.result <- r
}

// Stats returns the pool as it is now. A worker is a goroutine that runs a job,
// so all of them are busy; Workers is nil, and the figures of memory are zero.
// Jobs that Go refused count nowhere.
func (p *Local[T]) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sums
	s.TotalWorkers, s.BusyWorkers, s.QueuedTasks = p.busy, p.busy, len(p.queue)
	return s
}

// Shutdown refuses new jobs, answers those in the queue with ErrClosed and
// waits for the running ones. If ctx is done before they have ended, it returns
// the cause of ctx and they go on: only their own contexts can end them. It may
// be called again, to wait longer.
func (p *Local[T]) Shutdown(ctx context.Context) error {
	p.close()
	select {
	case <-p.empty:
		return nil
	default:
	}
	select {
	case <-p.empty:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *Local[T]) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for _, j := range p.queue {
		j.forget()
		p.answerLocked(j, Result[T]{Err: ErrClosed})
	}
	p.queue = nil
	if p.busy == 0 {
		close(p.empty)
	}
}
