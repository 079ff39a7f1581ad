package pool

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/internal/channel"
	"github.com/heapmage/heapmage/pool/internal/frame"
	"github.com/heapmage/heapmage/pool/internal/process"
	"github.com/heapmage/heapmage/pool/internal/queue"
)

// dispatcher is the state of a pool. Whoever has news, a caller or the goroutine
// that reads what the workers send (lead.go), takes mu, changes the state and
// assigns what can start then. So a task that comes alone needs no switch of
// goroutines.
//
// How a task gets its worker is in assign.go, its answer in answer.go, timeouts
// in deadline.go, the end of a worker in retire.go and crash.go, and memory in
// gauge.go.
type dispatcher struct {
	o       Options
	factory factory
	gauge   *gauge       // nil if memory is not measured
	log     *process.Log // nil unless Verbose
	room    chan struct{}
	empty   chan struct{} // closed when the pool is shut down and no worker is left
	over    atomic.Bool   // empty is closed, or will be at once

	poller  *channel.Poller // nil if workers are not processes
	keeper  *time.Timer     // read by keep
	answers atomic.Uint64   // how many came from workers

	mu      sync.Mutex // guards all below
	queue   queue.Queue[*job]
	slots   map[int]*slot
	last    int   // number of the newest worker
	sums    Stats // the totals
	sampled time.Time

	everReady bool
	// failures counts the workers in a row that ended before they did anything.
	failures int
	retryAt  time.Time // when the next may start beside others; see wanted
	closed   bool      // by Shutdown
	leading  bool      // a goroutine serves the channels; see lead.go
	called   bool      // keeper will fire

	timer *time.Timer // read by run
	armed time.Time   // when timer fires; zero if it does not
}

// factory makes workers.
type factory interface {
	// start begins worker n and returns at once.
	start(n int, news process.News) backend
	// explain names the program and tells what to do if it did not start.
	explain(output string) (name, hint string)
	// close gives back what workers share, after all have ended.
	close()
}

// backend is one worker as the dispatcher sees it. Its methods do not block.
type backend interface {
	// give hands over a job. It returns false if the worker does not read.
	give(*job) bool
	// cancel tells the worker that the answer to job id is not awaited any more.
	cancel(id uint64)
	// retire lets a worker without a job end by itself.
	retire()
	// end ends the worker whatever it is doing.
	end(process.Reason)
}

// slot is one worker.
type slot struct {
	number, pid int
	b           backend
	state       WorkerState
	since       time.Time // of state
	job         *job      // while Busy; and after it, if the worker ended during one
	tasks       int
	usage, peak memtools.Bytes
	// settling is set from the end of a task until the worker was measured, which
	// makes it Idle or recycles it. Until then it counts as busy, without a job.
	settling bool
	asked    bool // we asked it to end
	leaving  bool // it will end by itself
	ready    bool // it has been ready
	dirty    bool // it did something since it was measured
}

func newDispatcher(program Program, o Options) (*dispatcher, error) {
	d := &dispatcher{o: o, empty: make(chan struct{}), slots: map[int]*slot{}, timer: time.NewTimer(time.Hour), keeper: time.NewTimer(time.Hour)}
	if o.Verbose {
		d.log = process.NewLog(o.Log)
	}
	if o.MaxQueue > 0 {
		d.room = make(chan struct{}, o.MaxQueue) // holds a token for each task in the queue
	}
	var err error
	if d.factory, err = program.open(o, d.log); err != nil {
		return nil, err
	}
	if f, ok := d.factory.(*processes); ok {
		d.poller, d.gauge = f.Poller, f.gauge
	}
	return d, nil
}

// do changes the state and does what follows from that.
func (d *dispatcher) do(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	d.assign()
	d.arm()
	d.callKeeper()
	if d.closed && len(d.slots) == 0 && d.over.CompareAndSwap(false, true) {
		close(d.empty)
		if d.poller != nil {
			d.poller.Wake()
		}
	}
}

// run does what no caller and no worker brings about, until the pool is empty.
func (d *dispatcher) run() {
	defer d.factory.close()
	defer d.timer.Stop()
	if d.poller != nil {
		defer d.poller.Close()
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

// Started, Ready, Answered, Leaving and Ended take the news of workers.
func (d *dispatcher) Started(n, pid int) {
	d.do(func() { d.slots[n].pid = pid })
}

func (d *dispatcher) Ready(n int) {
	d.do(func() {
		s := d.slots[n]
		s.ready, s.dirty, d.everReady, d.failures = true, true, true, 0
		d.emit(Event{Kind: WorkerReady, Worker: n, PID: s.pid})
		if s.state == Starting {
			s.enter(Idle)
		}
	})
}

func (d *dispatcher) Answered(n int, f frame.Frame) {
	d.do(func() { d.answered(d.slots[n], f) })
}

func (d *dispatcher) Leaving(n int) {
	d.do(func() {
		s := d.slots[n]
		s.leaving = true
		if s.state == Idle || s.settling {
			s.settling = false
			s.enter(Ending)
		}
	})
}

func (d *dispatcher) Ended(n int, e process.Exit) {
	d.do(func() { d.ended(d.slots[n], e) })
}

func (s *slot) enter(state WorkerState) {
	if state == Idle {
		s.settling = false
	}
	s.state, s.since = state, time.Now()
}

func (d *dispatcher) count(state WorkerState) (n int) {
	for _, s := range d.slots {
		if s.state == state {
			n++
		}
	}
	return n
}

func (d *dispatcher) emit(e Event) {
	if d.o.OnEvent == nil && d.log == nil {
		return
	}
	e.Time = time.Now()
	if d.log != nil {
		d.log.Line(e.String())
	}
	if d.o.OnEvent != nil {
		d.o.OnEvent(e)
	}
}
