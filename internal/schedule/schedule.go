// Package schedule decides when tasks may start, so that their order holds and
// their expected memory fits a budget. While they run it corrects what the
// expectations got wrong: it freezes attempts, lets them go on, or stops them.
// It never starts a process. Its caller starts attempts and hands back a handle
// for each.
//
// One attempt may always run, so a run never stands still, whatever its tasks
// need and however little memory there is. Only for memory that other programs hold it
// waits.
//
// All decisions are made by a ledger, a plain state without a clock. [Run] drives
// it in real time; the tests drive the same code in simulated time.
package schedule

import (
	"context"
	"time"
)

// Run runs the jobs and returns when each has succeeded, failed or been skipped.
// A job must stand behind those that it depends on.
//
// Once ctx is done, Run begins nothing more and takes no more arrivals or releases. It still
// waits for the attempts and probes that it began, which are expected to end
// early by the same ctx, and then skips the rest.
//
// Everything but Probe is called from the goroutine that called Run, and must
// not block.
func Run(ctx context.Context, jobs []Job, o Options, start Starter) {
	// Every attempt and every probe sends once, and the loop below receives all of
	// that before it ends. Nobody closes these channels.
	ended, probed := make(chan ending), make(chan answer)
	arrivals, released, cancelled := o.Arrivals, o.Released, ctx.Done()
	l := newLedger(jobs, o)
	for {
		if ctx.Err() != nil {
			l.stopped = true
			arrivals, released, cancelled = nil, nil, nil
		} else {
			m := l.memory()
			act(l.correct(m), o.Collect)
			for _, j := range l.probes() {
				go func() { probed <- ask(ctx, o, j) }()
			}
			for _, j := range l.admit(m) {
				j.attempt = start(ctx, j.grant())
				done := j.attempt.Done()
				go func() { ended <- await(j, done) }()
			}
		}
		if l.idle() && arrivals == nil {
			break
		}
		select {
		case e := <-ended:
			l.end(e.job, e.Outcome)
		case a := <-probed:
			l.probed(a.job, a.Outcome, a.known)
		case j, ok := <-arrivals:
			if ok {
				l.arrive(j)
			} else {
				arrivals = nil
			}
		case id := <-released:
			act(l.setAside(id), o.Collect)
		case <-o.Measured:
		case <-cancelled:
		}
	}
	l.skipRest()
}

// ending is the end of an attempt.
type ending struct {
	*job
	Outcome
}

func await(j *job, done <-chan Outcome) ending {
	o, ok := <-done
	if !ok { // closed without an outcome: nothing proves a success
		o.Result = Failed
	}
	return ending{j, o}
}

// answer is what a probe found.
type answer struct {
	*job
	Outcome
	known bool
}

func ask(ctx context.Context, o Options, j *job) answer {
	outcome, known := o.Probe(ctx, j.ID)
	return answer{j, outcome, known}
}

func (l *ledger) memory() Memory {
	m := Memory{}
	if l.o.Memory != nil {
		m = l.o.Memory()
	}
	if l.o.Measured == nil {
		m.Most = 0 // nothing would tell when others have given memory back
	}
	if m.Time.IsZero() {
		m.Time = time.Now()
	}
	return l.crowd.withoutLeaving(l.withAside(m))
}

func act(corrections []correction, collectGarbage func()) {
	for _, c := range corrections {
		switch c.kind {
		case freeze:
			c.job.attempt.Freeze()
		case thaw:
			c.job.attempt.Thaw()
		case stop:
			c.job.attempt.Stop(ForTasks)
		case yield:
			c.job.attempt.Stop(ForOthers)
		case putOff:
			c.job.attempt.Stop(ForSmaller)
		case giveUp:
			c.job.attempt.Stop(AsLast)
		case collect:
			if collectGarbage != nil {
				collectGarbage()
			}
		}
	}
}
