package guard

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
)

// unknownOnce is what a script that never ran is expected to need at least if it must not run
// again: it cannot be stopped to make room for what it turns out to need.
const unknownOnce = 2 * memtools.GB

// job is a task below the runner.
type job struct {
	*guard
	process process // what it runs in
	id      string
	task    *taskgraph.Task
	event   event.Task
	lasting bool // it runs until it is ended
	once    bool // it must not run again
	cold    bool // it holds nothing before it is measured
	open    bool // its standard input may bring something at any time
	fresh   bool // nothing was known of it when it began

	mu        sync.Mutex // guards all below
	attempt   *attempt   // the present one; nil before the first
	abandoned bool       // the runner has ended

	container atomic.Bool // it has started other scripts
	listens   atomic.Bool // it waits for its standard input, or did
}

// process is how a script reaches the guard: it asked (shimmed), or it was seen (sighted).
type process interface {
	// root is the process below which the script and all that it starts are.
	root() int
	// options are NODE_OPTIONS and GOMEMLIMIT of the script. settable is false if start takes no
	// variables.
	options() (node, goLimit string, settable bool)
	// start lets it run, with these variables, and returns the process to measure.
	start(ctx context.Context, set map[string]string) (pid int, err error)
	// wait waits for its end. If ctx is done first it has not ended.
	wait(ctx context.Context) (admission.Ended, error)
	// passed yields the signals that were sent to the script.
	passed() <-chan int
	// lost is closed when nothing is left to guard.
	lost() <-chan struct{}
	// next has it wait for another attempt, and finish lets it end as its last attempt did.
	next(why string) error
	finish()
	// pass lets it run without the guard.
	pass()
}

// name gives the script an ID that no other of the run has had: it is the nth of its task.
func (j *job) name(nth int) {
	if j.id = j.task.ID; nth > 1 {
		j.id = fmt.Sprintf("%s (%d)", j.task.ID, nth)
	}
	j.event = j.Describe(j.task)
	j.event.ID = j.id
}

// estimate is what the script is expected to take. One that is gone takes nothing, so that its
// turn comes at once.
func (j *job) estimate() schedule.Estimate {
	select {
	case <-j.process.lost():
		return schedule.Estimate{}
	default:
	}
	if j.cold {
		return schedule.Estimate{}
	}
	known := j.Predict(j.task, j.Sources.Of(j.task.Package))
	need := known.Need
	if j.once && known.Basis != estimate.FromHistory && known.Basis != estimate.FromConfig {
		need = max(need, min(unknownOnce, j.MaxBudget))
	}
	return schedule.Estimate{Need: need, Length: known.Length, Cores: known.Cores}
}

// begin begins an attempt.
func (j *job) begin(g schedule.Grant) schedule.Attempt {
	a := &attempt{job: j, grant: g, done: make(chan schedule.Outcome, 1), began: clock.Now()}
	a.ctx, a.stop = context.WithCancelCause(context.Background())
	j.mu.Lock()
	j.attempt = a
	if j.abandoned {
		a.stop(errAbandoned)
	}
	j.mu.Unlock()
	go func() { a.done <- a.do() }()
	return a
}

// present is the attempt that runs; nil if none does.
func (j *job) present() *attempt {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.attempt == nil || j.attempt.leader.PID == 0 {
		return nil
	}
	return j.attempt
}

// becomesContainer notes that the script starts others. It is false if that is known.
func (j *job) becomesContainer() bool { return j.container.CompareAndSwap(false, true) }

// abandon lets the script go on without the guard, because the runner has ended.
func (j *job) abandon() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.abandoned = true
	if j.attempt != nil {
		j.attempt.stop(errAbandoned)
	}
}
