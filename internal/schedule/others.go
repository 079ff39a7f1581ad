package schedule

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/trend"
	"github.com/heapmage/heapmage/memtools"
)

// Other programs take memory too, and so do other runs. What the run lacks because of
// them is no failure of its tasks: its attempts pause or are stopped, and go on when
// there is room again.

const (
	// minOthers is the memory of other programs from which an older run among them
	// counts. What the measurement misses of the run itself is less, such as the kernel's
	// own memory. Without an older run they count from a part of what the run may use,
	// 1/othersShare.
	minOthers   = 96 * memtools.MB
	othersShare = 8
	// lastReserve is the available memory at which an attempt that is frozen for others is
	// stopped. It is less than kernelReserve: what is frozen asks the kernel for nothing.
	lastReserve = 32 * memtools.MB
	// minRoom is the available memory at which an attempt that is frozen for others goes on.
	minRoom = 2 * kernelReserve

	defaultPatience = 30 * time.Second
	// leaveTime is how long the kernel may take to free the memory of processes that end.
	// Meanwhile they show none, and it looks as if it were that of others.
	leaveTime = 2 * time.Second
	// backoffShare is the part of the patience, an eighth, for which nothing starts after a
	// stop for others that are not known to be older: they may have stopped as well.
	backoffShare = 8
)

// crowd is what the ledger knows of other programs.
type crowd struct {
	// displaced is true once an attempt had to give way to others, until they have given
	// back what they held.
	displaced bool
	// told is true if Options.Crowded was called since others hold memory.
	told bool
	// past is that of their memory.
	past trend.Trend
	// held are the usages of the run for leaveTime.
	held []heldAt
	// patience is that for the next stop; zero if it is not drawn yet.
	patience time.Duration
	// notBefore is when an attempt may start again.
	notBefore time.Time
}

// heldAt is a usage of the run at some time.
type heldAt struct {
	time  time.Time
	usage memtools.Bytes
}

// withoutLeaving returns m without what the run itself held a moment ago, which others
// would hold otherwise.
func (c *crowd) withoutLeaving(m Memory) Memory {
	c.held = slices.DeleteFunc(c.held, func(h heldAt) bool { return m.Time.Sub(h.time) > leaveTime })
	if n := len(c.held); n == 0 || m.Time.After(c.held[n-1].time) { // not the same measurement again
		c.held = append(c.held, heldAt{m.Time, m.Usage})
	}
	highest := m.Usage
	for _, h := range c.held {
		highest = max(highest, h.usage)
	}
	if m.Most > 0 {
		m.Most = max(m.Most-(highest-m.Usage), min(m.Most, m.Budget))
	}
	return m
}

// others is what other programs hold of the memory that the run may use.
func (m Memory) others() memtools.Bytes { return max(0, m.Most-m.Budget) }

// Shared reports whether other programs hold so much that an older run may be among them.
func (m Memory) Shared() bool { return m.others() >= minOthers }

// Crowded reports whether memory is short because of other programs.
func (m Memory) Crowded() bool {
	return m.Shared() && (m.Elder || m.others() >= m.Most/othersShare)
}

// giveWay makes room for other programs. An older run goes first: everything gives way to
// it as soon as memory is short. For others, the last attempt that moves is frozen when
// the kernel is about to act, and what is frozen is stopped if that is not enough. It
// returns false if the ladder's own steps are next.
func (l *ledger) giveWay(m Memory, moving, frozen []*job) (cs []correction, gives bool) {
	danger := l.inDanger(m, moving)
	switch {
	case m.Elder && danger:
		for _, j := range slices.Concat(moving, frozen) {
			if !j.Once {
				cs = append(cs, l.stop(m, j, yield)...)
			} else if !j.frozen {
				cs = append(cs, l.freeze(m, []*job{j})...)
			}
		}
	case m.Elder && m.Time.Sub(l.lastCorrection) < correctionInterval:
		return nil, true
	case m.Elder && len(moving) > 0:
		order := freezable(moving)
		cs = l.pause(m, order[len(order)-1])
	case len(moving) == 1 && len(frozen) == 0 && danger:
		cs = l.pause(m, moving[0])
	case len(frozen) > 0 && len(moving) == 0 && (m.Elder || m.Available < lastReserve || l.stuck(m, moving)):
		j, k := frozen[len(frozen)-1], yield
		for _, other := range frozen {
			if !other.Once {
				j = other
			}
		}
		if j.Once {
			if k = giveUp; !l.atEdge(m, nil) {
				return nil, false
			}
		}
		cs = l.stop(m, j, k)
	default:
		return nil, false
	}
	l.tell(m)
	return cs, true
}

// inDanger reports whether the kernel is about to act, if the others grow on as well.
func (l *ledger) inDanger(m Memory, moving []*job) bool {
	return m.Available < kernelReserve || l.growth(moving, stopHorizon)+l.crowd.past.In(stopHorizon) > m.Available-kernelReserve
}

func (l *ledger) patience() time.Duration {
	if l.crowd.patience == 0 {
		l.crowd.patience = defaultPatience
		if l.o.Patience != nil {
			l.crowd.patience = l.o.Patience()
		}
	}
	return l.crowd.patience
}

// stuck reports whether nothing has moved for so long that what is frozen gives back its
// memory: the others may be waiting for it.
func (l *ledger) stuck(m Memory, moving []*job) bool {
	return len(moving) == 0 && m.Time.Sub(l.lastCorrection) >= l.patience()
}

// pause freezes an attempt for others, or stops it if it must not be frozen.
func (l *ledger) pause(m Memory, j *job) []correction {
	if j.steady && !j.Once {
		return l.stop(m, j, yield)
	}
	return l.freeze(m, []*job{j})
}

// tell reports once that others hold the memory.
func (l *ledger) tell(m Memory) {
	if !l.told && l.o.Crowded != nil {
		l.o.Crowded(m.others())
	}
	l.told = true
}

// waits reports whether nothing may start merely so that something runs: other programs
// hold the memory, and either something had to give way to them or an older run is at
// work.
func (l *ledger) waits(m Memory) bool {
	if m.Time.Before(l.notBefore) {
		return true
	}
	if !m.Crowded() {
		l.displaced, l.told = false, false
	}
	return m.Crowded() && (l.displaced || m.Elder)
}

// beside returns the first in line that fits into what others leave, or nil. Nothing of
// the run's own is running.
func (l *ledger) beside(m Memory) *job {
	if m.Time.Before(l.notBefore) {
		return nil
	}
	for _, j := range l.ready[:min(backfillWindow, len(l.ready))] {
		if j.need() <= m.Budget-m.Rest {
			return j
		}
	}
	l.tell(m)
	return nil
}

// mayThaw reports whether a frozen attempt may go on although others hold memory and
// nothing else of the run moves.
func (l *ledger) mayThaw(j *job, m Memory, frozen []*job) bool {
	if m.Elder {
		return m.Time.Sub(l.lastShort) >= thawDelay && l.heldWith(j, m, nil, frozen) <= m.Budget
	}
	return m.Time.Sub(l.lastCorrection) >= thawDelay && m.Available >= minRoom
}
