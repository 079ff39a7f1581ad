package pool

import (
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
)

// ended forgets a worker, and answers or repeats what it was doing.
func (l *loop) ended(s *slot, m message) {
	delete(l.slots, s.number)
	exit := m.exit
	exit.Peak = s.peak
	exit.Verdict = oom.Diagnose(oom.Evidence{
		ExitCode: exit.ExitCode, Signal: oom.SignalNumber(exit.Signal), Seen: m.proof.seen,
		HeapLimit: m.proof.heapLimit, Budget: l.o.Budget, Last: s.usage, Peak: s.peak,
		CgroupOOMKill: m.proof.cgroup, HostOOMKill: m.proof.host, Stopped: m.proof.stop,
	})
	text := exit.Reason()
	if m.err != nil {
		text = m.err.Error()
	} else if s.asked && exit.Breach == "" {
		text = ""
	}
	l.emit(Event{Kind: WorkerEnded, Worker: s.number, PID: s.pid, Usage: s.usage, Text: text})
	if j := s.job; j != nil {
		s.job = nil
		if !s.asked || !j.answered.Load() {
			l.sums.TotalWorkersCrashed++
		}
		l.crashed(j, s, exit)
		return
	}
	// One that was ready may be asked to end, and may end by itself once it has
	// done something.
	if l.closed || s.ready && (s.asked || s.tasks > 0 && exit.ExitCode == 0 && exit.Breach == "") {
		return
	}
	l.sums.TotalWorkersCrashed++
	if s.tasks == 0 {
		l.startFailed(exit, m.err)
	}
}

// crashed deals with the job of a worker that died.
func (l *loop) crashed(j *job, s *slot, exit Exit) {
	if j.answered.Load() {
		return
	}
	if j.task.Repeatable && j.attempts < 2 && !l.closed {
		l.emit(Event{Kind: TaskRepeated, Worker: s.number, PID: s.pid, Task: j.id, Type: j.task.Type})
		j.fresh, j.queued, j.deadline = true, time.Now(), time.Time{}
		l.queue.add(j) // its id is older than the others', so it is first again
		return
	}
	l.fail(j, s, &CrashError{Type: j.task.Type, Exit: exit})
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
func (l *loop) startFailed(exit Exit, err error) {
	l.failures++
	l.retryAt = time.Now().Add(min(retryMost, retryFirst<<min(l.failures, 10)))
	for _, s := range l.slots {
		if s.state != Ending { // it may do them
			for _, j := range l.queue {
				j.fresh = false // better a used worker than none
			}
			return
		}
	}
	if l.everReady && l.failures < patience {
		return
	}
	name, hint := l.program(exit.Output)
	for len(l.queue) > 0 {
		j := l.queue.next(func(*job) bool { return true })
		l.left(j)
		l.fail(j, nil, &StartError{Program: name, Hint: hint, Err: err, Exit: exit})
	}
}

func (l *loop) program(output string) (name, hint string) {
	if p, ok := l.factory.(*processes); ok {
		return p.name, p.hint(output)
	}
	return "worker", ""
}
