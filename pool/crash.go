package pool

import (
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/internal/process"
)

const (
	// maxFailures is how many workers in a row may fail to start, after some did
	// start, until the tasks that wait are given up.
	maxFailures = 3
	// retryFirst is the unit of the pause after a failed start while other workers
	// work off the queue. Each failure doubles the pause, up to retryMost.
	retryFirst = 100 * time.Millisecond
	retryMost  = 30 * time.Second
)

// ended forgets a worker, and answers or repeats what it was doing.
func (d *dispatcher) ended(s *slot, e process.Exit) {
	delete(d.slots, s.number)
	exit := d.exitOf(s, e)
	text := exit.Reason()
	if e.Err != nil {
		text = e.Err.Error()
	} else if s.asked && exit.Breach == "" {
		text = ""
	}
	d.emit(Event{Kind: WorkerEnded, Worker: s.number, PID: s.pid, Usage: s.usage, Text: text})
	if j := s.job; j != nil {
		s.job = nil
		if !s.asked || !j.answered {
			d.sums.TotalWorkersCrashed++
		}
		d.crashed(j, s, exit)
		return
	}
	// After it was ready, a worker may end because it was asked to; and by itself,
	// once it has done something.
	if d.closed || s.ready && (s.asked || s.tasks > 0 && exit.ExitCode == 0 && exit.Breach == "") {
		return
	}
	d.sums.TotalWorkersCrashed++
	if s.tasks == 0 {
		d.startFailed(exit, e)
	}
}

// exitOf adds to e what the pool knows, and the verdict.
func (d *dispatcher) exitOf(s *slot, e process.Exit) Exit {
	peak := max(e.Peak, s.peak)
	e.Evidence.Budget, e.Evidence.Last, e.Evidence.Peak = d.o.Budget, s.usage, peak
	return Exit{
		Worker: s.number, PID: e.PID, ExitCode: e.ExitCode, Signal: e.Signal, Peak: peak,
		Verdict: oom.Diagnose(e.Evidence), Breach: e.Breach, Output: e.Output, Survivors: e.Survivors,
	}
}

// crashed deals with the job of a worker that died.
func (d *dispatcher) crashed(j *job, s *slot, exit Exit) {
	if j.answered {
		return
	}
	if j.task.Repeatable && j.attempts < 2 && !d.closed {
		d.emit(Event{Kind: TaskRepeated, Worker: s.number, PID: s.pid, Task: j.ID, Type: j.task.Type})
		j.fresh, j.queued, j.deadline = true, time.Now(), time.Time{}
		d.queue.Add(j) // its number is lower than the others', so it is first again
		return
	}
	d.fail(j, s, &CrashError{Type: j.task.Type, Exit: exit})
}

// startFailed fails the tasks in the queue if no worker can be expected to do
// them: a script with a mistake is not started again and again.
func (d *dispatcher) startFailed(exit Exit, e process.Exit) {
	d.failures++
	d.retryAt = time.Now().Add(min(retryMost, retryFirst<<min(d.failures, 10)))
	for _, s := range d.slots {
		if s.state != Ending { // it may do them
			for _, j := range d.queue {
				j.fresh = false // better a used worker than none
			}
			return
		}
	}
	if d.everReady && d.failures < maxFailures {
		return
	}
	name, hint := d.factory.explain(exit.Output)
	if e.Err != nil {
		hint = e.Hint
	}
	d.dismiss(func(*job) error { return &StartError{Program: name, Hint: hint, Err: e.Err, Exit: exit} })
}
