package pool

import (
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/internal/process"
)

// poolClosed is why workers end at Shutdown.
const poolClosed = "the pool is shut down"

// retire lets a worker that has no job end by itself.
func (d *dispatcher) retire(s *slot, kind EventKind, why string) {
	s.asked, s.settling = true, false
	s.enter(Ending)
	s.b.retire()
	d.emit(Event{Kind: kind, Worker: s.number, PID: s.pid, Usage: s.usage, Text: why})
}

// recycle retires a worker that will be replaced.
func (d *dispatcher) recycle(s *slot, why string) {
	d.sums.TotalWorkersRecycled++
	d.retire(s, WorkerRecycled, why)
}

// end ends a worker whatever it is doing.
func (d *dispatcher) end(s *slot, r process.Reason) {
	s.asked, s.settling = true, false
	s.enter(Ending)
	s.b.end(r)
	d.emit(Event{Kind: WorkerEnding, Worker: s.number, PID: s.pid, Usage: s.usage, Text: r.Breach})
}

// close begins the shutdown: running jobs go on.
func (d *dispatcher) close() {
	d.closed = true
	d.dismiss(func(*job) error { return ErrClosed })
	for _, s := range d.slots {
		switch {
		case s.state == Starting: // it would not see a closed channel before it is ready
			d.end(s, process.Reason{Stop: oom.StopInterrupt, Breach: poolClosed})
		case s.state == Idle || s.settling:
			d.retire(s, WorkerEnding, poolClosed)
		}
	}
}

// abortAll ends the running jobs as well.
func (d *dispatcher) abortAll() {
	for _, s := range d.slots {
		if s.job != nil && !s.job.answered {
			d.fail(s.job, s, ErrClosed)
		}
		d.end(s, process.Reason{Stop: oom.StopInterrupt, Breach: poolClosed})
	}
}
