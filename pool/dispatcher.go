package pool

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/worker"
)

// dispatcher is the state of a pool. Whoever has news, be it a caller or the one
// who reads what the workers send (see leader.go), takes mu, changes the state and
// gives out what can be given out then: a task that comes alone costs no change
// of goroutines.
type dispatcher struct {
	o       Options
	factory factory
	gauge   *gauge        // nil where memory is not measured
	log     *log          // nil unless Verbose
	room    chan struct{} // a token for each task in the queue; nil where any number may wait
	empty   chan struct{} // closed when the pool is shut down and no worker is left
	over    atomic.Bool   // empty is, or will be at once

	poller  *poller       // nil where no worker is a process
	keeper  *time.Timer   // read by keep
	answers atomic.Uint64 // how many workers gave

	mu      sync.Mutex // guards all below
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
	leading  bool      // somebody serves the sockets of the workers; see leader.go
	called   bool      // keeper will fire

	timer *time.Timer // read by run
	armed time.Time   // when timer fires; zero where it does not
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

func newDispatcher(o Options, f factory) *dispatcher {
	d := &dispatcher{o: o, factory: f, empty: make(chan struct{}), slots: map[int]*slot{}, timer: time.NewTimer(time.Hour), keeper: time.NewTimer(time.Hour)}
	if o.MaxQueue > 0 {
		d.room = make(chan struct{}, o.MaxQueue)
	}
	return d
}

// do changes the state and follows it up.
func (d *dispatcher) do(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	d.dispatch()
	d.arm()
	d.callKeeper()
	if d.closed && len(d.slots) == 0 && d.over.CompareAndSwap(false, true) {
		close(d.empty)
		if d.poller != nil {
			d.poller.wake()
		}
	}
}

// run does what no caller and no worker brings about, until the pool is empty.
func (d *dispatcher) run() {
	defer d.factory.close()
	defer d.timer.Stop()
	if d.poller != nil {
		defer d.poller.close()
		var keeper sync.WaitGroup
		keeper.Go(d.keep)
		defer keeper.Wait()
	}
	var samples chan memtools.Sample
	if d.gauge != nil {
		samples = d.gauge.samples
		go d.gauge.run()
		defer d.gauge.close()
	}
	for {
		select {
		case s := <-samples:
			d.do(func() { d.measured(s) })
		case <-d.timer.C:
			d.do(func() {
				d.armed = time.Time{}
				d.expire(time.Now())
			})
		case <-d.empty:
			return
		}
	}
}

func (d *dispatcher) submitted(j *job) {
	if d.closed {
		d.leave()
		j.answered = true
		j.done <- outcome{err: ErrClosed}
		return
	}
	j.queued = time.Now()
	d.queue.add(j)
}

// cancelled answers a job that nobody waits for any more, and tells its worker.
func (d *dispatcher) cancelled(j *job, err error) {
	if j.answered {
		return
	}
	if d.queue.remove(j) {
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

// giveUp asks a worker to leave its answered job, and gives it a while to do so.
func (d *dispatcher) giveUp(s *slot) {
	s.job.graceEnds = time.Now().Add(d.o.CancelGrace)
	s.b.cancel(s.job.id)
}

// tell takes what a worker says. It must not be called from a backend's methods.
func (d *dispatcher) tell(m message) { d.do(func() { d.told(m) }) }

func (d *dispatcher) told(m message) {
	s := d.slots[m.worker]
	switch m.kind {
	case started:
		s.pid = m.pid
	case ready:
		s.ready, s.dirty, d.everReady, d.failures = true, true, true, 0
		d.emit(Event{Kind: WorkerReady, Worker: s.number, PID: s.pid})
		if s.state == Starting {
			s.enter(Idle)
		}
	case answered:
		d.answered(s, m.answer)
	case leaving:
		s.leaving = true
		if s.state == Idle || s.settling {
			s.settling = false
			s.enter(Ending)
		}
	case ended:
		d.ended(s, m)
	}
}

func (d *dispatcher) answered(s *slot, f worker.Frame) {
	j := s.job
	if j == nil || j.id != f.ID {
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
		d.retire(s, WorkerEnding, "the pool is shut down")
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

func (d *dispatcher) tooLarge(s *slot) bool {
	return d.o.RecycleMemory > 0 && s.usage >= d.o.RecycleMemory
}

func (d *dispatcher) recycle(s *slot, why string) {
	d.sums.TotalWorkersRecycled++
	d.retire(s, WorkerRecycled, why)
}

// retire ends a worker that has no job.
func (d *dispatcher) retire(s *slot, kind EventKind, why string) {
	s.asked, s.settling = true, false
	s.enter(Ending)
	s.b.retire()
	d.emit(Event{Kind: kind, Worker: s.number, PID: s.pid, Usage: s.usage, Text: why})
}

// end ends a worker whatever it does.
func (d *dispatcher) end(s *slot, e ending) {
	s.asked, s.settling = true, false
	s.enter(Ending)
	s.b.end(e)
	d.emit(Event{Kind: WorkerEnding, Worker: s.number, PID: s.pid, Usage: s.usage, Text: e.breach})
}

func (d *dispatcher) close() {
	d.closed = true
	for len(d.queue) > 0 {
		j := d.queue.next(func(*job) bool { return true })
		d.left(j)
		d.fail(j, nil, ErrClosed)
	}
	for _, s := range d.slots {
		switch {
		case s.state == Starting: // it would not see a closed channel before it is ready
			d.end(s, ending{stop: oom.StopInterrupt, breach: "the pool is shut down"})
		case s.state == Idle || s.settling:
			d.retire(s, WorkerEnding, "the pool is shut down")
		}
	}
}

func (d *dispatcher) abortAll() {
	for _, s := range d.slots {
		if s.job != nil && !s.job.answered {
			d.fail(s.job, s, ErrClosed)
		}
		d.end(s, ending{stop: oom.StopInterrupt, breach: "the pool is shut down"})
	}
}

func (s *slot) enter(state WorkerState) {
	if state == Idle {
		s.settling = false
	}
	s.state, s.since = state, time.Now()
}

func (d *dispatcher) emit(e Event) {
	if d.o.OnEvent == nil && d.log == nil {
		return
	}
	e.Time = time.Now()
	if d.log != nil {
		d.log.line(e.String())
	}
	if d.o.OnEvent != nil {
		d.o.OnEvent(e)
	}
}
