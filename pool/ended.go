package pool

import (
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
)

// ended forgets a worker, and answers or repeats what it was doing.
func (d *dispatcher) ended(s *slot, m message) {
	delete(d.slots, s.number)
	exit := m.exit
	exit.Peak = max(exit.Peak, s.peak)
	exit.Verdict = oom.Diagnose(oom.Evidence{
		ExitCode: exit.ExitCode, Signal: oom.SignalNumber(exit.Signal), Seen: m.proof.seen,
		HeapLimit: m.proof.heapLimit, Budget: d.o.Budget, Last: s.usage, Peak: exit.Peak,
		CgroupOOMKill: m.proof.cgroup, HostOOMKill: m.proof.host, Stopped: m.proof.stop,
	})
	text := exit.Reason()
	if m.err != nil {
		text = m.err.Error()
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
	// One that was ready may be asked to end, and may end by itself once it has
	// done something.
	if d.closed || s.ready && (s.asked || s.tasks > 0 && exit.ExitCode == 0 && exit.Breach == "") {
		return
	}
	d.sums.TotalWorkersCrashed++
	if s.tasks == 0 {
		d.startFailed(exit, m.err)
	}
}

// crashed deals with the job of a worker that died.
func (d *dispatcher) crashed(j *job, s *slot, exit Exit) {
	if j.answered {
		return
	}
	if j.task.Repeatable && j.attempts < 2 && !d.closed {
		d.emit(Event{Kind: TaskRepeated, Worker: s.number, PID: s.pid, Task: j.id, Type: j.task.Type})
		j.fresh, j.queued, j.deadline = true, time.Now(), time.Time{}
		d.queue.add(j) // its id is older than the others', so it is first again
		return
	}
	d.fail(j, s, &CrashError{Type: j.task.Type, Exit: exit})
}

// patience is how many workers in a row may fail to start, where some did
// before, until the tasks that wait for one are given up.
const patience = 3

// The pause after a failed start where other workers work off the queue: twice
// the first after one, doubled with each.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 30 * time.Second
)

// startFailed fails the tasks in the queue where no worker can be expected to
// do them: a mistake in a script is no reason to start it again and again.
func (d *dispatcher) startFailed(exit Exit, err error) {
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
	if d.everReady && d.failures < patience {
		return
	}
	name, hint := d.program(exit.Output)
	for len(d.queue) > 0 {
		j := d.queue.next(func(*job) bool { return true })
		d.left(j)
		d.fail(j, nil, &StartError{Program: name, Hint: hint, Err: err, Exit: exit})
	}
}

func (d *dispatcher) program(output string) (name, hint string) {
	if p, ok := d.factory.(*processes); ok {
		return p.name, p.hint(output)
	}
	return "worker", ""
}
