package pool

import (
	"fmt"
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/internal/process"
)

// due returns when something must be done about s; zero for never.
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
	case Ending: // the backend ends it in time
	}
	return time.Time{}
}

// expire does what is due at now.
func (d *dispatcher) expire(now time.Time) {
	spare := len(d.slots) - d.count(Ending) - d.o.MinWorkers
	for _, s := range d.slots {
		at := d.due(s)
		due := !at.IsZero() && !at.After(now)
		switch {
		case s.state == Busy:
			d.expireJob(s, now)
		case s.state == Starting && due:
			d.end(s, process.Reason{Stop: oom.StopTimeout, Breach: fmt.Sprintf("it was not ready within %v", d.o.StartTimeout)})
		case s.state == Idle && due && spare > 0:
			spare--
			d.retire(s, WorkerIdle, "no work")
		}
	}
	if d.measures() && now.Sub(d.sampled) >= sampleInterval {
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
		r := process.Reason{Stop: oom.StopInterrupt, Breach: "it went on with a task that was cancelled"}
		if j.timedOut {
			r = process.Reason{Stop: oom.StopTimeout, Breach: "it went on with a task that had timed out"}
		}
		d.end(s, r)
	}
}

// arm sets the timer for what is due next. A timer that fires too early does no
// harm, so it is not set again for each task.
func (d *dispatcher) arm() {
	var next time.Time
	sooner := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	idle := d.count(Idle)
	for _, s := range d.slots {
		if s.state == Idle && idle <= d.o.MinWorkers {
			continue // it is kept
		}
		sooner(d.due(s))
	}
	if d.failures > 0 && len(d.queue) > 0 && d.retryAt.After(time.Now()) {
		sooner(d.retryAt)
	}
	if d.measures() && !d.gauge.asked {
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
