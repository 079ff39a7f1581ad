package schedule

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// kind is what a correction does.
type kind int

const (
	freeze kind = iota
	thaw
	stop
	giveUp
	collect
)

// correction is one step of the pressure ladder. id is empty for collect.
type correction struct {
	kind kind
	id   string
}

const (
	// brink is how near in time the limit may come at the present growth.
	brink = 1500 * time.Millisecond
	// rush is how near it may come until all but the oldest attempt are frozen at
	// once, and without a wait for what the last correction did.
	rush = 500 * time.Millisecond
	// edge is how near it may come where nothing but killing is left to do.
	edge = 150 * time.Millisecond
	// settle is the least time between two corrections: what the one before did
	// must show in the measurements.
	settle = 300 * time.Millisecond
	// calmFor is how long memory must not have been short before a frozen
	// attempt goes on.
	calmFor = time.Second
	// span is the time over which growth is measured.
	span = 500 * time.Millisecond
	// last is the available memory at which the last attempt is ended. The
	// kernel's own reclaim needs about this much to work in.
	last = 48 * memtools.MB
	// stopsAlone is how often an attempt is stopped before the next runs alone.
	stopsAlone = 2
	// retryNeed is how much more than its usage an attempt gets that was stopped
	// after it had passed its need.
	retryNeed = 1.5
)

// ladder is what corrections need to know of the past.
type ladder struct {
	// past are measurements of the last span, the oldest first.
	past []point
	// acted is when the last correction was made, short when memory last was.
	acted, short time.Time
}

type point struct {
	at    time.Time
	usage memtools.Bytes
}

// grow notes a measurement and returns the growth of usage in bytes a second.
func (d *ladder) grow(m Memory) float64 {
	if n := len(d.past); n > 0 && !m.Time.After(d.past[n-1].at) {
		d.past = d.past[:n-1]
	}
	d.past = append(d.past, point{m.Time, m.Usage})
	for len(d.past) > 2 && m.Time.Sub(d.past[1].at) >= span {
		d.past = d.past[1:]
	}
	first := d.past[0]
	if over := m.Time.Sub(first.at).Seconds(); over > 0 {
		return float64(m.Usage-first.usage) / over
	}
	return 0
}

// within reports whether what is available is gone after d at this growth.
func within(d time.Duration, growth float64, available memtools.Bytes) bool {
	return growth*d.Seconds() > float64(available)
}

// correct returns what must be done now so that the run stays inside its memory.
// It never touches the oldest attempt while there is another.
func (l *ledger) correct(m Memory) []correction {
	if m.Budget <= 0 || len(l.running) == 0 {
		return nil
	}
	growth := l.grow(m)
	over := m.Usage > m.Budget || within(brink, growth, m.Available)
	if over {
		l.short = m.Time
	}
	moving, frozen, stopping := l.sorted(m)
	if stopping > 0 {
		return nil // room is being made
	}
	if !over {
		return l.relax(m, moving, frozen)
	}
	rushed := within(rush, growth, m.Available)
	if m.Time.Sub(l.acted) < settle && !rushed {
		return nil
	}
	l.raiseFloors(moving)
	switch {
	case len(moving) > 1:
		l.acted = m.Time
		victims := moving[len(moving)-1:]
		if rushed {
			victims = moving[1:]
		}
		cs := []correction{{collect, ""}}
		for _, v := range victims {
			v.frozen = true
			cs = append(cs, correction{freeze, v.ID})
		}
		return cs
	case len(frozen) > 0 && (!l.o.KeepFrozen || endangered(m, growth)):
		return l.stop(m, frozen[len(frozen)-1], stop)
	case len(moving) == 1 && len(frozen) == 0 && endangered(m, growth):
		return l.stop(m, moving[0], giveUp)
	}
	return nil
}

// endangered reports whether the kernel is about to act.
func endangered(m Memory, growth float64) bool {
	return m.Available < last || within(edge, growth, m.Available-last)
}

// relax lets the frozen attempt that started first go on, where there is room
// for it or nothing else moves.
func (l *ledger) relax(m Memory, moving, frozen []*job) []correction {
	if len(frozen) == 0 {
		return nil
	}
	j := frozen[0]
	if len(moving) > 0 {
		if m.Time.Sub(l.short) < calmFor {
			return nil
		}
		held := m.Rest + j.reserved()
		for _, other := range moving {
			held += other.reserved()
		}
		for _, other := range frozen[1:] {
			held += other.usage
		}
		if held > m.Budget {
			return nil
		}
	}
	j.frozen = false
	l.acted = m.Time
	return []correction{{thaw, j.ID}}
}

func (l *ledger) stop(m Memory, j *job, k kind) []correction {
	j.stopping = true
	l.acted = m.Time
	return []correction{{k, j.ID}}
}

// sorted brings the usages up to date and splits the attempts, the oldest first.
func (l *ledger) sorted(m Memory) (moving, frozen []*job, stopping int) {
	for _, j := range l.running {
		j.usage = m.Tasks[j.ID]
		switch {
		case j.stopping:
			stopping++
		case j.frozen:
			frozen = append(frozen, j)
		default:
			moving = append(moving, j)
		}
	}
	return moving, frozen, stopping
}

// raiseFloors remembers what those who passed their need were seen to use.
func (l *ledger) raiseFloors(moving []*job) {
	for _, j := range moving {
		if j.usage > j.need() {
			j.floor = j.reserved()
		}
	}
}

// putBack takes back an attempt that was stopped to make room. Its need is only
// raised where it had passed it: otherwise another was the cause.
func (l *ledger) putBack(j *job) {
	if j.usage > j.need() {
		j.floor = memtools.Bytes(float64(j.usage) * retryNeed)
	}
	j.stops++
	j.alone = j.alone || j.stops >= stopsAlone
}
