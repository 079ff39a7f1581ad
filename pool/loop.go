package pool

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// loop owns the state of a pool: all of it is read and written by run only.
type loop struct {
	*Pool
	factory  factory
	gauge    *gauge // nil where memory is not measured
	log      *log   // nil unless Verbose
	messages chan message

	queue   queue
	slots   map[int]*slot
	last    int   // number of the newest worker
	sums    Stats // the totals
	sampled time.Time

	everReady bool
	// failures counts the workers in a row that ended before they did anything.
	failures int
	retryAt  time.Time // when the next may be started beside others; see wanted
	closed   bool      // by Shutdown

	timer *time.Timer
	armed time.Time // when timer fires; zero where it does not
}

// slot is one worker.
type slot struct {
	number, pid int
	id          string // in samples
	b           backend
	state       WorkerState
	since       time.Time // of state
	job         *job      // while Busy, and where it ended inside one
	tasks       int
	usage, peak memtools.Bytes
	// settling is set from a task's end until the worker was measured: then it is
	// Idle or recycled. Until then it counts as busy, without a job.
	settling bool
	asked    bool // we asked it to end
	leaving  bool // it will end by itself
	ready    bool // it has been ready
	dirty    bool // it did something since it was measured
}

func newLoop(p *Pool, f factory) *loop {
	return &loop{Pool: p, factory: f, messages: make(chan message), slots: map[int]*slot{}, timer: time.NewTimer(time.Hour)}
}

func (l *loop) run() {
	defer close(l.over)
	defer l.factory.close()
	defer l.timer.Stop()
	var samples chan memtools.Sample
	if l.gauge != nil {
		samples = l.gauge.samples
		go l.gauge.run()
		defer l.gauge.close()
	}
	closing, abort := l.closing, l.abort
	for {
		l.dispatch()
		l.arm()
		if l.closed && len(l.slots) == 0 {
			l.final = l.snapshot()
			return
		}
		select {
		case j := <-l.submit:
			l.submitted(j)
		case c := <-l.cancels:
			l.cancelled(c.job, c.err)
		case m := <-l.messages:
			l.told(m)
		case s := <-samples:
			l.measured(s)
		case reply := <-l.stats:
			reply <- l.snapshot()
		case <-l.timer.C:
			l.armed = time.Time{}
			l.expire(time.Now())
		case <-closing:
			closing = nil
			l.close()
		case <-abort:
			abort = nil
			l.abortAll()
		}
	}
}

func (l *loop) submitted(j *job) {
	j.queued = time.Now()
	if l.closed {
		l.leave()
		j.answer(outcome{err: ErrClosed})
		return
	}
	l.queue.add(j)
}

// cancelled answers a job that nobody waits for any more, and tells its worker.
func (l *loop) cancelled(j *job, err error) {
	if j.answered.Load() {
		return
	}
	if l.queue.remove(j) {
		l.left(j)
		l.fail(j, nil, err)
		return
	}
	for _, s := range l.slots {
		if s.job == j {
			l.fail(j, s, err)
			l.giveUp(s)
		}
	}
}

// giveUp asks a worker to leave its answered job, and gives it a while to do so.
func (l *loop) giveUp(s *slot) {
	s.job.graceEnds = time.Now().Add(l.o.CancelGrace)
	s.b.cancel(s.job.id)
}

// told takes what a worker says.
func (l *loop) told(m message) {
	s := l.slots[m.worker]
	switch m.kind {
	case started:
		s.pid = m.pid
	case ready:
		s.ready, s.dirty, l.everReady, l.failures = true, true, true, 0
		l.emit(Event{Kind: WorkerReady, Worker: s.number, PID: s.pid})
		if s.state == Starting {
			s.enter(Idle)
		}
	case answered:
		l.answered(s, m.answer)
	case leaving:
		s.leaving = true
		if s.state == Idle || s.settling {
			s.settling = false
			s.enter(Ending)
		}
	case ended:
		l.ended(s, m)
	}
}

func (l *loop) answered(s *slot, a given) {
	j := s.job
	if j == nil || j.id != a.id {
		l.emit(Event{Kind: StrayAnswer, Worker: s.number, PID: s.pid, Task: a.id})
		return
	}
	now := time.Now()
	s.job, s.dirty = nil, true
	s.tasks++
	if a.claimed {
		l.record(j, s, a.outcome.err)
	}
	if s.state != Busy { // it is being ended already
		return
	}
	switch {
	case s.leaving:
		s.enter(Ending)
	case l.closed:
		l.retire(s, WorkerEnding, "the pool is shut down")
	case l.o.RecycleTasks > 0 && s.tasks >= l.o.RecycleTasks:
		l.recycle(s, "it has done its number of tasks")
	case l.gauge != nil && l.o.RecycleMemory > 0 && now.Sub(l.sampled) > settled:
		s.settling, s.since = true, now
		l.gauge.request()
	case l.tooLarge(s):
		l.recycle(s, "its memory has grown")
	default:
		s.enter(Idle)
	}
}

func (l *loop) tooLarge(s *slot) bool { return l.o.RecycleMemory > 0 && s.usage >= l.o.RecycleMemory }

func (l *loop) recycle(s *slot, why string) {
	l.sums.TotalWorkersRecycled++
	l.retire(s, WorkerRecycled, why)
}

// retire ends a worker that has no job.
func (l *loop) retire(s *slot, kind EventKind, why string) {
	s.asked, s.settling = true, false
	s.enter(Ending)
	s.b.retire()
	l.emit(Event{Kind: kind, Worker: s.number, PID: s.pid, Usage: s.usage, Text: why})
}

// end ends a worker whatever it does.
func (l *loop) end(s *slot, e ending) {
	s.asked, s.settling = true, false
	s.enter(Ending)
	s.b.end(e)
	l.emit(Event{Kind: WorkerEnding, Worker: s.number, PID: s.pid, Usage: s.usage, Text: e.breach})
}

func (l *loop) close() {
	l.closed = true
	for len(l.queue) > 0 {
		j := l.queue.next(func(*job) bool { return true })
		l.left(j)
		l.fail(j, nil, ErrClosed)
	}
	for _, s := range l.slots {
		switch {
		case s.state == Starting: // it would not see a closed channel before it is ready
			l.end(s, ending{stop: oom.StopInterrupt, breach: "the pool is shut down"})
		case s.state == Idle || s.settling:
			l.retire(s, WorkerEnding, "the pool is shut down")
		}
	}
}

func (l *loop) abortAll() {
	for _, s := range l.slots {
		if s.job != nil && !s.job.answered.Load() {
			l.fail(s.job, s, ErrClosed)
		}
		l.end(s, ending{stop: oom.StopInterrupt, breach: "the pool is shut down"})
	}
}

// left notes that j is in the queue no more.
func (l *loop) left(j *job) {
	if j.attempts == 0 { // one that is repeated has left before
		l.leave()
	}
}

// fail answers j with err; s is its worker, if any.
func (l *loop) fail(j *job, s *slot, err error) {
	if j.answer(outcome{err: err}) {
		l.record(j, s, err)
	}
}

// record notes that j has its answer.
func (l *loop) record(j *job, s *slot, err error) {
	e := Event{Kind: TaskDone, Task: j.id, Type: j.task.Type}
	if err == nil {
		l.sums.TotalTasksCompleted++
	} else {
		l.sums.TotalTasksFailed++
		e.Kind, e.Text = TaskFailed, err.Error()
	}
	if s != nil {
		e.Worker, e.PID, e.Usage, e.Took = s.number, s.pid, s.usage, time.Since(j.started)
	}
	l.emit(e)
}

func (s *slot) enter(state WorkerState) {
	if state == Idle {
		s.settling = false
	}
	s.state, s.since = state, time.Now()
}

func (l *loop) emit(e Event) {
	if l.o.OnEvent == nil && l.log == nil {
		return
	}
	e.Time = time.Now()
	if l.log != nil {
		l.log.line(e.String())
	}
	if l.o.OnEvent != nil {
		l.o.OnEvent(e)
	}
}
