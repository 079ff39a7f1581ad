package pool

import (
	"fmt"
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
)

// dispatch gives jobs to idle workers, and starts workers for the others.
func (l *loop) dispatch() {
	if l.closed {
		return
	}
	for len(l.queue) > 0 && l.hasIdle() {
		j := l.queue.next(func(j *job) bool { return l.idleFor(j) != nil })
		if j == nil {
			break
		}
		l.give(j, l.idleFor(j))
	}
	l.makeRoom()
	for want := l.wanted(); want > 0; want-- {
		l.start()
	}
}

func (l *loop) hasIdle() bool {
	for _, s := range l.slots {
		if s.state == Idle {
			return true
		}
	}
	return false
}

// idleFor is the worker that j may start on now: of those that may do it the
// one that worked last, so that the others come to their idle timeout.
func (l *loop) idleFor(j *job) *slot {
	var best *slot
	for _, s := range l.slots {
		if s.state != Idle || j.fresh && s.tasks > 0 {
			continue
		}
		if best == nil || s.since.After(best.since) {
			best = s
		}
	}
	if best == nil || l.o.Budget <= 0 || fits(j.task.Need, best.usage, l.loads(best), l.o.Budget) {
		return best
	}
	return nil
}

// loads are the workers but one.
func (l *loop) loads(but *slot) []load {
	var all []load
	for _, s := range l.slots {
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

func (l *loop) give(j *job, s *slot) {
	l.left(j)
	j.attempts++
	j.started = time.Now()
	if t := positive(j.task.Timeout, l.o.TaskTimeout); t > 0 {
		j.deadline = j.started.Add(t)
	}
	s.job = j
	s.enter(Busy)
	l.emit(Event{Kind: TaskStarted, Worker: s.number, PID: s.pid, Task: j.id, Type: j.task.Type, Usage: s.usage})
	if !s.b.give(j) {
		l.end(s, ending{breach: "it answered without reading its tasks"})
	}
}

// makeRoom ends an idle worker that stands in the way of the first job: because
// that one needs a fresh worker, or for its memory.
func (l *loop) makeRoom() {
	if len(l.queue) == 0 || !l.hasIdle() {
		return
	}
	j := l.queue[0]
	if l.idleFor(j) != nil {
		return
	}
	idle := l.byUsage()
	if j.fresh {
		if len(l.slots) >= l.o.MaxWorkers && l.count(Starting) == 0 && l.count(Ending) == 0 {
			l.retire(idle[0], WorkerEnding, "its place is needed for a fresh worker")
		}
		return
	}
	// It is memory. The last idle worker is kept for the job, unless a new one,
	// which has not grown yet, would have room in its place.
	if l.count(Ending) == 0 && (len(idle) > 1 || fits(j.task.Need, 0, l.loads(idle[0]), l.o.Budget)) {
		l.retire(idle[0], WorkerEnding, "its memory is needed")
	}
}

func (l *loop) count(state WorkerState) (n int) {
	for _, s := range l.slots {
		if s.state == state {
			n++
		}
	}
	return n
}

// wanted is how many workers to start now.
func (l *loop) wanted() int {
	room := l.o.MaxWorkers - len(l.slots)
	starting, alive := l.count(Starting), len(l.slots)-l.count(Ending)
	if room <= 0 {
		return 0
	}
	if l.failures > 0 {
		// One at a time, and for the queue alone.
		if len(l.queue) > 0 && (alive == 0 || starting == 0 && !time.Now().Before(l.retryAt)) {
			return 1
		}
		return 0
	}
	want := max(l.waiting(starting)-starting, l.o.MinWorkers-alive)
	return max(0, min(want, room))
}

// waiting is how many jobs could start if they had a worker.
func (l *loop) waiting(starting int) (n int) {
	if len(l.queue) == 0 {
		return 0
	}
	if l.o.Budget <= 0 {
		if l.hasIdle() { // what waits beside an idle worker waits for a fresh one
			for _, j := range l.queue {
				if j.fresh {
					n++
				}
			}
			return n
		}
		return len(l.queue)
	}
	all := l.loads(nil)
	for _, j := range l.queue[:min(len(l.queue), l.o.MaxWorkers)] {
		if l.hasIdle() && !j.fresh || !fits(j.task.Need, 0, all, l.o.Budget) {
			break
		}
		all = append(all, load{busy: true, need: j.task.Need})
		n++
	}
	return n
}

func (l *loop) start() {
	l.last++
	s := &slot{number: l.last, state: Starting, since: time.Now()}
	if p, ok := l.factory.(*processes); ok {
		s.id = (&process{f: p, number: s.number}).id()
	}
	l.slots[s.number] = s
	l.emit(Event{Kind: WorkerStarting, Worker: s.number})
	s.b = l.factory.start(s.number, l.messages)
}

// expire does what is due at now.
func (l *loop) expire(now time.Time) {
	spare := len(l.slots) - l.count(Ending) - l.o.MinWorkers
	measure := false
	for _, s := range l.slots {
		measure = measure || s.state == Busy || s.dirty
		switch at, due := l.due(s), func(at time.Time) bool { return !at.IsZero() && !at.After(now) }; {
		case s.state == Busy:
			l.expireJob(s, now)
		case s.state == Starting && due(at):
			l.end(s, ending{stop: oom.StopTimeout, breach: fmt.Sprintf("it was not ready within %v", l.o.StartTimeout)})
		case s.state == Idle && due(at) && spare > 0:
			spare--
			l.retire(s, WorkerIdle, "no work")
		}
	}
	if l.gauge != nil && measure && now.Sub(l.sampled) >= sampleInterval {
		l.gauge.request()
	}
}

func (l *loop) expireJob(s *slot, now time.Time) {
	j := s.job
	if j == nil {
		return
	}
	if !j.deadline.IsZero() && !j.deadline.After(now) && !j.answered.Load() {
		j.timedOut = true
		l.fail(j, s, ErrTimeout)
		l.giveUp(s)
		return
	}
	if !j.graceEnds.IsZero() && !j.graceEnds.After(now) {
		e := ending{stop: oom.StopInterrupt, breach: "it went on with a task that was cancelled"}
		if j.timedOut {
			e = ending{stop: oom.StopTimeout, breach: "it went on with a task that had timed out"}
		}
		l.end(s, e)
	}
}

// due is when something is to be done about s; zero for never.
func (l *loop) due(s *slot) time.Time {
	switch s.state {
	case Starting:
		return s.since.Add(l.o.StartTimeout)
	case Idle:
		if l.o.IdleTimeout > 0 {
			return s.since.Add(l.o.IdleTimeout)
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
func (l *loop) arm() {
	var next time.Time
	sooner := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	idle, measure := l.count(Idle), false
	for _, s := range l.slots {
		measure = measure || s.state == Busy || s.dirty
		if s.state == Idle && idle <= l.o.MinWorkers {
			continue // it is kept
		}
		sooner(l.due(s))
	}
	if l.failures > 0 && len(l.queue) > 0 && l.retryAt.After(time.Now()) {
		sooner(l.retryAt)
	}
	if measure && l.gauge != nil && !l.gauge.asked {
		now := time.Now()
		at := l.sampled.Add(sampleInterval)
		if at.Before(now) {
			at = now.Add(sampleInterval)
		}
		sooner(at)
	}
	if next.IsZero() || !l.armed.IsZero() && !next.Before(l.armed) {
		return
	}
	l.armed = next
	l.timer.Reset(time.Until(next))
}
