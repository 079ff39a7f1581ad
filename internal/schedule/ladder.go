package schedule

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/trend"
	"github.com/heapmage/heapmage/memtools"
)

// kind is what a correction does.
type kind int

const (
	freeze kind = iota
	thaw
	stop
	yield
	putOff
	giveUp
	collect
)

// correction is one step of the pressure ladder. job is nil for collect.
type correction struct {
	kind kind
	job  *job
}

const (
	// freezeHorizon is how far ahead the limit may be, at the present growth, before
	// attempts are frozen.
	freezeHorizon = 1500 * time.Millisecond
	// stalledHorizon is freezeHorizon while processes wait for memory for minStalled of
	// the time: they would grow faster than they do. That alone corrects nothing.
	stalledHorizon = 2 * freezeHorizon
	minStalled     = 0.1
	// freezeAllHorizon is how far ahead it may be before all but the oldest attempt
	// are frozen at once, without waiting for the last correction to show.
	freezeAllHorizon = 500 * time.Millisecond
	// stopHorizon is how far ahead it may be when nothing is left but to stop an
	// attempt.
	stopHorizon = 150 * time.Millisecond
	// correctionInterval is the least time between two corrections: what the last
	// one did must show in the measurements.
	correctionInterval = 300 * time.Millisecond
	// stopTimeout is how long a stop is expected to make room. An attempt in an
	// uninterruptible sleep keeps its memory longer, and others must give way.
	stopTimeout = 3 * time.Second
	// thawDelay is how long memory must not have been short before a frozen attempt
	// goes on.
	thawDelay = time.Second
	// kernelReserve is the available memory below which attempts that are frozen give
	// way at once, and a lone one collects its garbage. The kernel's own reclaim needs
	// about this much to work in without slowing everything down.
	kernelReserve = 48 * memtools.MB
	// edgeHorizon and edgeReserve are how near the limit must be, in time and in memory,
	// before a lone attempt is ended: the time until the next measurement and until a
	// kill takes effect, and what the kernel's counters may be behind. Nearer than that
	// the kernel would kill it itself, or all of the container.
	edgeHorizon = 100 * time.Millisecond
	edgeReserve = 16 * memtools.MB
	// freeTime is how long the memory of an attempt that was stopped may take to be free once
	// it has ended. Before that another one is not ended for good.
	freeTime = 500 * time.Millisecond
	// collectTimeout is how long ago a collection may be that counts as tried.
	collectTimeout = 2 * time.Second
	// guestHeadroom is the part of its room, a sixteenth, that a guest leaves when it
	// is frozen, and minGuestHeadroom the least: it grows a little until that takes
	// effect.
	guestHeadroom    = 16
	minGuestHeadroom = 24 * memtools.MB
	// maxStops is how often a job is stopped before it runs alone.
	maxStops = 2
)

// ladder is what corrections need to know of the past.
type ladder struct {
	// rest is the past of what belongs to no attempt.
	rest trend.Trend
	// lastCorrection is when one was made, lastShort when memory was short, lastCollect
	// when garbage was to be collected.
	lastCorrection, lastShort, lastCollect time.Time
	// freeing is set when an attempt that was stopped has ended, and lastFreed is when that
	// was seen.
	freeing   bool
	lastFreed time.Time
	// late counts the attempts that were put off. What comes later does not go before them.
	late int
}

// correct returns what must be done now so that the run stays inside its memory.
// It never stops the oldest attempt while there is another, except for other programs.
func (l *ledger) correct(m Memory) []correction {
	if m.Budget <= 0 {
		return nil
	}
	if l.freeing {
		l.freeing, l.lastFreed = false, m.Time
	}
	if len(l.running) == 0 {
		return l.endLasting(m)
	}
	moving, frozen, stopping := l.sorted(m)
	if l.o.HiddenWaits {
		l.noteLull(m, moving)
	}
	near := l.growth(moving, m.horizon()) > m.Available
	over := near || m.Usage > m.Budget
	if over {
		l.lastShort = m.Time
	}
	if stopping > 0 {
		return nil // room is being made
	}
	if m.Crowded() && (over || l.inDanger(m, moving) || l.stuck(m, moving)) {
		if cs, gives := l.giveWay(m, moving, frozen); gives {
			return cs
		}
	}
	if len(moving) == 0 {
		return l.relax(m, moving, frozen) // one that is not frozen may always run
	}
	if c := l.endLull(m, moving, frozen); c != nil {
		return c
	}
	if !over {
		if c := l.hostGuest(m, moving); c != nil {
			return c
		}
		return l.relax(m, moving, frozen)
	}
	return l.makeRoom(m, moving, frozen, near)
}

// makeRoom freezes the newest attempts, then stops those that are frozen, and at
// last ends the only one, or the newest of those that must not be stopped, once garbage
// was collected. near is true if the limit is near, rather than the budget exceeded.
func (l *ledger) makeRoom(m Memory, moving, frozen []*job, near bool) []correction {
	rushed, endangered := l.growth(moving, freezeAllHorizon) > m.Available, l.endangered(m, moving)
	victim := l.victim(moving, frozen)
	last, edge := victim == nil, l.atEdge(m, moving)
	if edge && !last && l.o.HiddenWaits { // those that move may not be those that grow
		return l.stop(m, victim, stop)
	}
	edge = edge && last
	if m.Time.Sub(l.lastCorrection) < correctionInterval && !rushed && !edge && (last || !endangered) {
		return nil
	}
	l.raiseFloors(moving)
	victims := freezable(moving)[1:]
	if l.o.HiddenWaits {
		victims = slices.DeleteFunc(victims, func(j *job) bool { return j.thaws >= maxSetbacks || j.thaws > 0 && !near })
	}
	switch {
	case len(victims) > 0:
		if !rushed && !edge {
			victims = victims[len(victims)-1:]
		}
		return l.freeze(m, victims)
	case !last && (!l.o.KeepFrozen || endangered):
		if m.Crowded() {
			l.tell(m)
			return l.stop(m, victim, yield)
		}
		return l.stop(m, victim, stop)
	case edge && m.Time.Sub(l.lastCollect) < collectTimeout:
		return l.endNewest(m)
	case near, last && endangered:
		return []correction{l.collect(m)}
	}
	return nil // the machine has the memory
}

// victim returns the attempt that is stopped to make room for others, or nil if there is
// none: the newest that is frozen, else the newest. The oldest is spared unless it is the
// only one that can be stopped.
func (l *ledger) victim(moving, frozen []*job) (found *job) {
	if len(moving)+len(frozen) == 1 {
		return nil
	}
	for _, list := range [][]*job{frozen, moving} {
		for _, j := range slices.Backward(list) {
			if !l.mayStop(j) {
				continue
			}
			if j != l.running[0] {
				return j
			}
			found = j
		}
	}
	return found
}

// mayStop reports whether an attempt may be stopped to run again.
func (l *ledger) mayStop(j *job) bool {
	return !j.Once && !(l.o.HiddenWaits && j.stops >= maxSetbacks)
}

// endNewest ends the newest attempt for good. A lone one that can run again is put off instead if
// a smaller one waits for room: what started them may hold the memory that it lacks until they
// have run.
func (l *ledger) endNewest(m Memory) []correction {
	j := l.newest()
	smaller := func(other *job) bool { return other.need() < j.reserved() }
	switch {
	case m.Time.Sub(l.lastFreed) < freeTime:
		return nil
	case l.o.HiddenWaits && len(l.running) == 1 && l.mayStop(j) && slices.ContainsFunc(l.ready, smaller):
		l.late++
		j.late = l.late
		return l.stop(m, j, putOff)
	}
	return l.stop(m, j, giveUp)
}

// newest returns the newest attempt that is not being stopped.
func (l *ledger) newest() (j *job) {
	for _, other := range l.running {
		if !other.stopping {
			j = other
		}
	}
	return j
}

func (l *ledger) freeze(m Memory, victims []*job) []correction {
	cs := []correction{l.collect(m)}
	for _, v := range victims {
		v.frozen = true
		cs = append(cs, correction{freeze, v})
	}
	return cs
}

func (l *ledger) collect(m Memory) correction {
	l.lastCorrection, l.lastCollect = m.Time, m.Time
	return correction{kind: collect}
}

// freezable puts attempts in the order in which they are frozen, the first one last: the
// newest before older ones, but the fragile ones after all others.
func freezable(moving []*job) []*job {
	order := slices.Clone(moving)
	slices.SortStableFunc(order, func(a, b *job) int {
		switch {
		case a.Fragile == b.Fragile:
			return 0
		case a.Fragile:
			return -1
		default:
			return 1
		}
	})
	return order
}

func (l *ledger) stop(m Memory, j *job, k kind) []correction {
	l.lastCorrection = m.Time
	j.stopping, j.stoppedAt, j.yields = true, m.Time, k == yield
	if j.yields { // it waits until they leave room for what it has and a little more
		l.displaced = true
		j.floor = j.reserved()
		if !m.Elder {
			l.notBefore = m.Time.Add(l.patience() / backoffShare)
			l.crowd.patience = 0
		}
	}
	return []correction{{k, j}}
}

// hostGuest freezes a guest before it takes what the others are expected to need.
// Once its own need fits beside theirs it is no guest any more.
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
			g.guest = false // if it is frozen, relax lets it go on
			return nil
		}
		if !g.frozen && len(moving) > 1 && g.usage+max(room/guestHeadroom, minGuestHeadroom) > room {
			g.frozen = true
			l.lastCorrection = m.Time
			return []correction{{freeze, g}}
		}
	}
	return nil
}

// growth is how much the run is expected to grow within d. An attempt grows as it
// did, but not beyond its need until it has shown that this is too low. A guest beside
// others is frozen before it grows too much, and does not count.
func (l *ledger) growth(moving []*job, d time.Duration) memtools.Bytes {
	sum := l.rest.In(d)
	for _, j := range moving {
		if j.guest && len(moving) > 1 {
			continue
		}
		grows := j.past.In(d)
		if j.usage <= j.Need && j.withinNeed() {
			grows = min(grows, j.need()-j.usage)
		}
		sum += grows
	}
	return sum
}

// endangered reports whether the kernel may act soon.
func (l *ledger) endangered(m Memory, moving []*job) bool {
	return m.Available < kernelReserve || l.growth(moving, stopHorizon) > m.Available-kernelReserve
}

// atEdge reports whether the kernel kills next.
func (l *ledger) atEdge(m Memory, moving []*job) bool {
	return l.growth(moving, edgeHorizon) > m.Available+m.Swap-edgeReserve
}

// horizon is how far ahead the limit may be before attempts are frozen.
func (m Memory) horizon() time.Duration {
	if m.Stalled >= minStalled {
		return stalledHorizon
	}
	return freezeHorizon
}

// relax lets the frozen attempt that started first go on, if there is room for it
// or nothing else moves.
func (l *ledger) relax(m Memory, moving, frozen []*job) []correction {
	if len(frozen) == 0 {
		return nil
	}
	j := frozen[0]
	if len(moving) == 0 && m.Crowded() && !l.mayThaw(j, m, frozen) {
		return nil
	}
	if len(moving) > 0 && (j.guest || m.Time.Sub(l.lastShort) < thawDelay || l.heldWith(j, m, moving, frozen) > m.Budget) {
		return nil
	}
	j.frozen = false
	l.lastCorrection = m.Time
	return []correction{{thaw, j}}
}

// heldWith is what the run would hold if the first of the frozen attempts went on.
func (l *ledger) heldWith(j *job, m Memory, moving, frozen []*job) memtools.Bytes {
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
	return held
}

// putBack takes back an attempt that was stopped to make room. Its need is raised
// only if it had exceeded it: otherwise another was the cause.
func (l *ledger) putBack(j *job) {
	if j.yields {
		return
	}
	if j.usage > j.Need {
		j.floor = max(j.floor, estimate.RetryNeed(j.usage))
	}
	j.stops++
	j.alone = j.alone || j.stops >= maxStops
}
