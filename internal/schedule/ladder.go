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
	// stuck is how long room is waited for that a stop should make: an attempt in an
	// uninterruptible sleep keeps its memory, and others must give way.
	stuck = 3 * time.Second
	// calmFor is how long memory must not have been short before a frozen
	// attempt goes on.
	calmFor = time.Second
	// span is the time over which growth is measured.
	span = 500 * time.Millisecond
	// last is the available memory at which the last attempt is ended. The
	// kernel's own reclaim needs about this much to work in.
	last = 48 * memtools.MB
	// doorstep is the part of its room that a guest leaves when it is frozen, and
	// leastDoorstep the least: it grows a little until that takes effect.
	doorstep      = 16
	leastDoorstep = 24 * memtools.MB
	// stopsAlone is how often an attempt is stopped before the next runs alone.
	stopsAlone = 2
	// retryNeed is how much more than its usage an attempt gets that was stopped
	// after it had passed its need.
	retryNeed = 1.5
)

// ladder is what corrections need to know of the past.
type ladder struct {
	// rest is the past of what belongs to no attempt.
	rest trend
	// acted is when the last correction was made, short when memory last was.
	acted, short time.Time
}

// trend are the measurements of the last span, the oldest first.
type trend []point

type point struct {
	at    time.Time
	usage memtools.Bytes
}

// note adds a measurement.
func (t *trend) note(at time.Time, usage memtools.Bytes) {
	past := *t
	if n := len(past); n > 0 && !at.After(past[n-1].at) {
		past = past[:n-1]
	}
	past = append(past, point{at, usage})
	for len(past) > 2 && at.Sub(past[1].at) >= span {
		past = past[1:]
	}
	*t = past
}

// in is the growth to be expected within d; it is never below zero, for memory
// that is given back just now is not given back for ever.
func (t trend) in(d time.Duration) memtools.Bytes {
	if len(t) < 2 {
		return 0
	}
	first, last := t[0], t[len(t)-1]
	rate := float64(last.usage-first.usage) / last.at.Sub(first.at).Seconds()
	return memtools.Bytes(max(0, rate*d.Seconds()))
}

// growth is how much the run is expected to grow within d. An attempt grows as
// it did, but not beyond its need until it has shown that this is too low. A guest
// is frozen before it grows too much.
func (l *ledger) growth(moving []*job, d time.Duration) memtools.Bytes {
	sum := l.rest.in(d)
	for _, j := range moving {
		if j.guest {
			continue
		}
		grows := j.past.in(d)
		if j.within() {
			grows = min(grows, j.need()-j.usage)
		}
		sum += grows
	}
	return sum
}

// correct returns what must be done now so that the run stays inside its memory.
// It never touches the oldest attempt while there is another.
func (l *ledger) correct(m Memory) []correction {
	if m.Budget <= 0 || len(l.running) == 0 {
		return nil
	}
	moving, frozen, stopping := l.sorted(m)
	near := l.growth(moving, brink) > m.Available
	over := near || m.Usage > m.Budget
	if over {
		l.short = m.Time
	}
	if stopping > 0 {
		return nil // room is being made
	}
	if len(moving) == 0 {
		return l.relax(m, moving, frozen) // one may always run that is not frozen
	}
	if !over {
		if c := l.hostGuest(m, moving); c != nil {
			return c
		}
		return l.relax(m, moving, frozen)
	}
	rushed, endangered := l.growth(moving, rush) > m.Available, l.endangered(m, moving)
	if m.Time.Sub(l.acted) < settle && !rushed && !endangered {
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
	case len(frozen) > 0 && (!l.o.KeepFrozen || endangered):
		return l.stop(m, frozen[len(frozen)-1], stop)
	case len(frozen) == 0 && endangered:
		return l.stop(m, moving[0], giveUp)
	}
	if !near {
		return nil // the machine has the memory
	}
	l.acted = m.Time
	return []correction{{collect, ""}}
}

// hostGuest freezes a guest before it takes what the others are expected to
// need. Once its own need fits beside theirs it is none any more.
func (l *ledger) hostGuest(m Memory, moving []*job) []correction {
	for _, g := range l.running {
		if !g.guest {
			continue
		}
		room := m.Budget - m.Rest
		for _, j := range l.running {
			if j != g {
				room -= j.reserved()
			}
		}
		if g.reserved() <= room {
			g.guest = false // where it is frozen, relax lets it go on
			return nil
		}
		if !g.frozen && len(moving) > 1 && g.usage+max(room/doorstep, leastDoorstep) > room {
			g.frozen = true
			l.acted = m.Time
			return []correction{{freeze, g.ID}}
		}
	}
	return nil
}

// endangered reports whether the kernel is about to act.
func (l *ledger) endangered(m Memory, moving []*job) bool {
	return m.Available < last || l.growth(moving, edge) > m.Available-last
}

// relax lets the frozen attempt that started first go on, where there is room
// for it or nothing else moves.
func (l *ledger) relax(m Memory, moving, frozen []*job) []correction {
	if len(frozen) == 0 {
		return nil
	}
	j := frozen[0]
	if len(moving) > 0 {
		if j.guest || m.Time.Sub(l.short) < calmFor {
			return nil
		}
		held := m.Rest + j.reserved()
		for _, other := range moving {
			held += other.reserved()
		}
		for _, other := range frozen[1:] {
			held += other.usage
		}
		for _, other := range l.running {
			if other.stopping {
				held += other.usage
			}
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
	j.stopping, j.stopped = true, m.Time
	l.acted = m.Time
	return []correction{{k, j.ID}}
}

// sorted brings the usages up to date and splits the attempts, the oldest first.
func (l *ledger) sorted(m Memory) (moving, frozen []*job, stopping int) {
	l.rest.note(m.Time, m.Rest)
	for _, j := range l.running {
		j.usage = m.Tasks[j.ID]
		j.past.note(m.Time, j.usage)
		switch {
		case j.stopping:
			if m.Time.Sub(j.stopped) < stuck {
				stopping++
			}
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
	if j.usage > j.Need {
		j.floor = max(j.floor, memtools.Bytes(float64(j.usage)*retryNeed))
	}
	j.stops++
	j.alone = j.alone || j.stops >= stopsAlone
}
