// Package schedule decides when tasks may start so that their order holds and
// their expected memory fits a budget, and corrects itself while they run. It
// never starts a process: it is given a function that runs one task, and hands
// that freeze, thaw and stop one.
//
// All its decisions are those of a ledger, a plain state without a clock, which
// Run drives in real time and the tests drive under a simulated one.
package schedule

import (
	"context"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Estimate is what a job is expected to take.
type Estimate struct {
	// Need is the memory to reserve while it runs.
	Need memtools.Bytes
	// Length is how long it runs. Zero means unknown.
	Length time.Duration
	// Cores is how many processors it keeps busy. Zero means unknown.
	Cores float64
}

// Job is one task as the scheduler sees it.
type Job struct {
	ID string
	// After are the IDs of the jobs that must succeed first.
	After []string
	Estimate
}

// Grant allows one attempt at a job.
type Grant struct {
	Job
	// Attempt counts from 1.
	Attempt int
	// Alone is set where nothing else runs beside it.
	Alone bool
}

// Result is how an attempt ended.
type Result int

// The results.
const (
	Done   Result = iota // what depends on it may start
	Failed               // what depends on it is skipped
	Again                // another attempt is wanted
)

// Outcome is what an attempt hands back.
type Outcome struct {
	Result Result
	// Need is what another attempt needs at least. Zero leaves the estimate.
	Need memtools.Bytes
	// Alone wants nothing beside the next attempt.
	Alone bool
}

// Memory is one measurement of the whole run.
type Memory struct {
	Time time.Time
	// Usage is that of the run, Rest the part of it that belongs to no task.
	Usage, Rest memtools.Bytes
	// Budget is what the run may use. Zero means that memory bounds nothing.
	Budget memtools.Bytes
	// Available is what the run can still take before the kernel acts.
	Available memtools.Bytes
	// Tasks are the usages of the tasks, by job.
	Tasks map[string]memtools.Bytes
}

// Hands act on running attempts. They return at once.
type Hands interface {
	// Begin is called before an attempt is started, and before any other method
	// is for it.
	Begin(id string)
	// Freeze stops an attempt from running; it keeps its memory.
	Freeze(id string)
	Thaw(id string)
	// Stop ends an attempt to make room. Its outcome is expected to be Again;
	// where final is true nothing else is left to stop, and it has failed.
	Stop(id string, final bool)
	// Collect has the running attempts give back garbage, if they can.
	Collect()
}

// Options bound a run.
type Options struct {
	// Slots is how many jobs may run at once. Zero means as many as CPUs bear.
	Slots int
	// CPUs is how many processors there are. Zero means 1.
	CPUs float64
	// Memory returns the last measurement. Nil means that memory bounds nothing.
	Memory func() Memory
	// Measured wakes the scheduler after each measurement.
	Measured <-chan struct{}
	// Estimate returns what is known of a job now; it is asked again as jobs
	// end. Nil means what the Job says.
	Estimate func(id string) Estimate
	// Hands correct what admission got wrong. Nil means that nothing can.
	Hands Hands
	// KeepFrozen leaves a frozen attempt frozen, with its memory, for as long as
	// that does not endanger the run; otherwise it is stopped when room is short.
	KeepFrozen bool
	// StopAtFailure starts nothing more once a job failed.
	StopAtFailure bool
	// Skipped is called from the loop for each job that will not run. Because is
	// the failed job that it depends on; empty where the run ended early.
	Skipped func(id, because string)
}

// Run runs the jobs, which must stand after those that they depend on, and
// returns when every job that it started has ended. Once ctx is done it starts
// nothing more; run is expected to end early by the same ctx. run is called on
// a goroutine of its own for each attempt.
func Run(ctx context.Context, jobs []Job, o Options, run func(context.Context, Grant) Outcome) {
	type ending struct {
		id string
		Outcome
	}
	// The attempts send and this loop receives one for each that it started;
	// nobody closes it.
	ended := make(chan ending)
	l := newLedger(jobs, o)
	stopped := false
	for {
		m := l.memory()
		if ctx.Err() == nil {
			if o.Hands != nil {
				act(l.correct(m), o.Hands)
			}
			if !stopped {
				for _, g := range l.admit(m) {
					if o.Hands != nil {
						o.Hands.Begin(g.ID)
					}
					go func() { ended <- ending{g.ID, run(ctx, g)} }()
				}
			}
		}
		if len(l.running) == 0 {
			break
		}
		select {
		case e := <-ended:
			l.end(e.id, e.Outcome)
			stopped = stopped || o.StopAtFailure && e.Result == Failed
		case <-o.Measured:
		}
	}
	l.skipRest()
}

func (l *ledger) memory() Memory {
	m := Memory{}
	if l.o.Memory != nil {
		m = l.o.Memory()
	}
	if m.Time.IsZero() {
		m.Time = time.Now()
	}
	return m
}

func act(corrections []correction, hands Hands) {
	for _, c := range corrections {
		switch c.kind {
		case freeze:
			hands.Freeze(c.id)
		case thaw:
			hands.Thaw(c.id)
		case stop, giveUp:
			hands.Stop(c.id, c.kind == giveUp)
		case collect:
			hands.Collect()
		}
	}
}
