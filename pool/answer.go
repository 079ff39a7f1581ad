package pool

import "time"

// left notes that j is in the queue no more.
func (d *dispatcher) left(j *job) {
	if j.attempts == 0 { // one that is repeated has left before
		d.leave()
	}
}

func (d *dispatcher) leave() {
	if d.room != nil {
		<-d.room
	}
}

// fail answers j with err; s is its worker, if any.
func (d *dispatcher) fail(j *job, s *slot, err error) { d.answer(j, s, outcome{err: err}) }

// answer gives j its one answer, unless it has one.
func (d *dispatcher) answer(j *job, s *slot, o outcome) {
	if j.answered {
		return
	}
	j.answered = true
	j.done <- o
	if d.poller != nil {
		d.poller.wake() // where its caller serves
	}
	e := Event{Kind: TaskDone, Task: j.id, Type: j.task.Type}
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
