package pool

import (
	"time"

	"github.com/heapmage/heapmage/pool/internal/frame"
)

// submit puts j into the queue.
func (d *dispatcher) submit(j *job) {
	if d.closed {
		d.leave()
		j.answered = true
		j.done <- outcome{err: ErrClosed}
		return
	}
	j.queued = time.Now()
	d.queue.Add(j)
}

// left notes that j is not in the queue any more.
func (d *dispatcher) left(j *job) {
	if j.attempts == 0 { // one that is repeated has left before
		d.leave()
	}
}

// leave gives back the room of one task in the queue.
func (d *dispatcher) leave() {
	if d.room != nil {
		<-d.room
	}
}

// dismiss answers all jobs in the queue with the error of reason.
func (d *dispatcher) dismiss(reason func(*job) error) {
	for len(d.queue) > 0 {
		j, _ := d.queue.Next(func(*job) bool { return true })
		d.left(j)
		d.fail(j, nil, reason(j))
	}
}

// answered takes the answer of worker s, and decides what becomes of the worker.
func (d *dispatcher) answered(s *slot, f frame.Frame) {
	j := s.job
	if j == nil || j.ID != f.ID {
		d.emit(Event{Kind: StrayAnswer, Worker: s.number, PID: s.pid, Task: f.ID})
		return
	}
	now := time.Now()
	s.job, s.dirty = nil, true
	s.tasks++
	d.answers.Add(1)
	d.answer(j, s, j.outcomeOf(f, s.number, now))
	if s.state != Busy { // it is being ended already
		return
	}
	switch {
	case s.leaving:
		s.enter(Ending)
	case d.closed:
		d.retire(s, WorkerEnding, poolClosed)
	case d.o.RecycleTasks > 0 && s.tasks >= d.o.RecycleTasks:
		d.recycle(s, "it has done its number of tasks")
	case d.gauge != nil && d.o.RecycleMemory > 0 && now.Sub(d.sampled) > settled:
		s.settling, s.since = true, now
		d.gauge.request()
	case d.tooLarge(s):
		d.recycle(s, "its memory has grown")
	default:
		s.enter(Idle)
	}
}

// cancelled answers a job whose caller has left, and tells its worker.
func (d *dispatcher) cancelled(j *job, err error) {
	if j.answered {
		return
	}
	if d.queue.Remove(j) {
		d.left(j)
		d.fail(j, nil, err)
		return
	}
	for _, s := range d.slots {
		if s.job == j {
			d.fail(j, s, err)
			d.giveUp(s)
		}
	}
}

// giveUp asks a worker to leave its answered job, within CancelGrace.
func (d *dispatcher) giveUp(s *slot) {
	s.job.graceEnds = time.Now().Add(d.o.CancelGrace)
	s.b.cancel(s.job.ID)
}

// fail answers j with err. s is its worker, or nil.
func (d *dispatcher) fail(j *job, s *slot, err error) { d.answer(j, s, outcome{err: err}) }

// answer gives j its one answer, unless it has one.
func (d *dispatcher) answer(j *job, s *slot, o outcome) {
	if j.answered {
		return
	}
	j.answered = true
	j.done <- o
	if d.poller != nil {
		d.poller.Wake() // its caller may be the leader
	}
	e := Event{Kind: TaskDone, Task: j.ID, Type: j.task.Type}
	if o.err == nil {
		d.sums.TotalTasksCompleted++
	} else {
		d.sums.TotalTasksFailed++
		e.Kind, e.Text = TaskFailed, o.err.Error()
	}
	if s != nil {
		e.Worker, e.PID, e.Usage, e.Took = s.number, s.pid, s.usage, time.Since(j.started)
	}
	d.emit(e)
}
