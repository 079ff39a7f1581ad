package pool

import (
	"fmt"
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
)

// dispatch gives jobs to idle workers, and starts workers for the others.
func (d *dispatcher) dispatch() {
	if d.closed {
		return
	}
	for len(d.queue) > 0 && d.hasIdle() {
		j := d.queue.next(func(j *job) bool { return d.idleFor(j) != nil })
		if j == nil {
			break
		}
		d.give(j, d.idleFor(j))
	}
	d.makeRoom()
	for want := d.wanted(); want > 0; want-- {
		d.start()
	}
}

func (d *dispatcher) hasIdle() bool {
	for _, s := range d.slots {
		if s.state == Idle {
			return true
		}
	}
	return false
}

// idleFor is the worker that j may start on now: of those that may do it the
// one that worked last, so that the others come to their idle timeout.
func (d *dispatcher) idleFor(j *job) *slot {
	var best *slot
	for _, s := range d.slots {
		if s.state != Idle || j.fresh && s.tasks > 0 {
			continue
		}
		if best == nil || s.since.After(best.since) {
			best = s
		}
	}
	if best == nil || d.o.Budget <= 0 || fits(j.task.Need, best.usage, d.loads(best), d.o.Budget) {
		return best
	}
	return nil
}

// loads are the workers but one.
func (d *dispatcher) loads(but *slot) []load {
	var all []load
	for _, s := range d.slots {
		if s == but {
			continue
		}
		one := load{busy: s.job != nil, used: s.usage}
		if s.job != nil {
			one.need = s.job.task.Need
		}
		all = append(all, one)
	}
	return all
}

func (d *dispatcher) give(j *job, s *slot) {
	d.left(j)
	j.attempts++
	j.started = time.Now()
	if t := positive(j.task.Timeout, d.o.TaskTimeout); t > 0 {
		j.deadline = j.started.Add(t)
	}
	s.job = j
	s.enter(Busy)
	d.emit(Event{Kind: TaskStarted, Worker: s.number, PID: s.pid, Task: j.id, Type: j.task.Type, Usage: s.usage})
	if !s.b.give(j) {
		d.end(s, ending{breach: "it answered without reading its tasks"})
	}
}

// makeRoom ends an idle worker that stands in the way of the first job: because
// that one needs a fresh worker, or for its memory.
func (d *dispatcher) makeRoom() {
	if len(d.queue) == 0 || !d.hasIdle() {
		return
	}
	j := d.queue[0]
	if d.idleFor(j) != nil {
		return
	}
	idle := d.byUsage()
	if j.fresh {
		if len(d.slots) >= d.o.MaxWorkers && d.count(Starting) == 0 && d.count(Ending) == 0 {
			d.retire(idle[0], WorkerEnding, "its place is needed for a fresh worker")
		}
		return
	}
	// It is memory. The last idle worker is kept for the job, unless a new one,
	// which has not grown yet, would have room in its place.
	if d.count(Ending) == 0 && (len(idle) > 1 || fits(j.task.Need, 0, d.loads(idle[0]), d.o.Budget)) {
		d.retire(idle[0], WorkerEnding, "its memory is needed")
	}
}

func (d *dispatcher) count(state WorkerState) (n int) {
	for _, s := range d.slots {
		if s.state == state {
			n++
		}
	}
	return n
}

// wanted is how many workers to start now.
func (d *dispatcher) wanted() int {
	room := d.o.MaxWorkers - len(d.slots)
	starting, alive := d.count(Starting), len(d.slots)-d.count(Ending)
	if room <= 0 {
		return 0
	}
	if d.failures > 0 {
		// One at a time, and for the queue alone.
		if len(d.queue) > 0 && (alive == 0 || starting == 0 && !time.Now().Before(d.retryAt)) {
			return 1
		}
		return 0
	}
	want := max(d.waiting(starting)-starting, d.o.MinWorkers-alive)
	return max(0, min(want, room))
}

// waiting is how many jobs could start if they had a worker.
func (d *dispatcher) waiting(starting int) (n int) {
	if len(d.queue) == 0 {
		return 0
	}
	if d.o.Budget <= 0 {
		if d.hasIdle() { // what waits beside an idle worker waits for a fresh one
			for _, j := range d.queue {
				if j.fresh {
					n++
				}
			}
			return n
		}
		return len(d.queue)
	}
	all := d.loads(nil)
	for _, j := range d.queue[:min(len(d.queue), d.o.MaxWorkers)] {
		if d.hasIdle() && !j.fresh || !fits(j.task.Need, 0, all, d.o.Budget) {
			break
		}
		all = append(all, load{busy: true, need: j.task.Need})
		n++
	}
	return n
}

func (d *dispatcher) start() {
	d.last++
	s := &slot{number: d.last, state: Starting, since: time.Now()}
	if p, ok := d.factory.(*processes); ok {
		s.id = (&process{f: p, number: s.number}).id()
	}
	d.slots[s.number] = s
	d.emit(Event{Kind: WorkerStarting, Worker: s.number})
	s.b = d.factory.start(s.number, d.tell)
}

// expire does what is due at now.
func (d *dispatcher) expire(now time.Time) {
	spare := len(d.slots) - d.count(Ending) - d.o.MinWorkers
	measure := false
	for _, s := range d.slots {
		measure = measure || s.state == Busy || s.dirty
		switch at, due := d.due(s), func(at time.Time) bool { return !at.IsZero() && !at.After(now) }; {
		case s.state == Busy:
			d.expireJob(s, now)
		case s.state == Starting && due(at):
			d.end(s, ending{stop: oom.StopTimeout, breach: fmt.Sprintf("it was not ready within %v", d.o.StartTimeout)})
		case s.state == Idle && due(at) && spare > 0:
			spare--
			d.retire(s, WorkerIdle, "no work")
		}
	}
	if d.gauge != nil && measure && now.Sub(d.sampled) >= sampleInterval {
		d.gauge.request()
	}
}

func (d *dispatcher) expireJob(s *slot, now time.Time) {
	j := s.job
	if j == nil {
		return
	}
	if !j.deadline.IsZero() && !j.deadline.After(now) && !j.answered {
		j.timedOut = true
		d.fail(j, s, ErrTimeout)
		d.giveUp(s)
		return
	}
	if !j.graceEnds.IsZero() && !j.graceEnds.After(now) {
		e := ending{stop: oom.StopInterrupt, breach: "it went on with a task that was cancelled"}
		if j.timedOut {
			e = ending{stop: oom.StopTimeout, breach: "it went on with a task that had timed out"}
		}
		d.end(s, e)
	}
}

// due is when something is to be done about s; zero for never.
func (d *dispatcher) due(s *slot) time.Time {
	switch s.state {
	case Starting:
		return s.since.Add(d.o.StartTimeout)
	case Idle:
		if d.o.IdleTimeout > 0 {
			return s.since.Add(d.o.IdleTimeout)
		}
	case Busy:
		if s.job == nil {
			break
		}
		if !s.job.graceEnds.IsZero() {
			return s.job.graceEnds
		}
		return s.job.deadline
	}
	return time.Time{}
}

// arm sets the timer for what is due next. A timer that fires too early does no
// harm, so that it is not set again for each task.
func (d *dispatcher) arm() {
	var next time.Time
	sooner := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	idle, measure := d.count(Idle), false
	for _, s := range d.slots {
		measure = measure || s.state == Busy || s.dirty
		if s.state == Idle && idle <= d.o.MinWorkers {
			continue // it is kept
		}
		sooner(d.due(s))
	}
	if d.failures > 0 && len(d.queue) > 0 && d.retryAt.After(time.Now()) {
		sooner(d.retryAt)
	}
	if measure && d.gauge != nil && !d.gauge.asked {
		now := time.Now()
		at := d.sampled.Add(sampleInterval)
		if at.Before(now) {
			at = now.Add(sampleInterval)
		}
		sooner(at)
	}
	if next.IsZero() || !d.armed.IsZero() && !next.Before(d.armed) {
		return
	}
	d.armed = next
	d.timer.Reset(time.Until(next))
}
