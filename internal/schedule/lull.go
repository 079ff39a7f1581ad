package schedule

import (
	"math"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// With Options.HiddenWaits an attempt may wait for a job that has not started, or for an
// attempt that is frozen. Nothing tells so but a lull: what moves does next to nothing.
// docs/decisions/0015-hidden-waits.md has the proof that no run stands still.

const (
	// lullGrowth is what the attempts may grow in a lull.
	lullGrowth = 16 * memtools.MB
	// measuredRoom is how long measured usage must have left room for a job whose need
	// does not fit beside the needs of others: those may be too high.
	measuredRoom = 10 * time.Second
	// maxSetbacks is how often a job is stopped to make room at most, and how often it is
	// thawed in a lull before it is not frozen again. Each time the lull must last twice as
	// long, so that a pause of those that move is not taken for one.
	maxSetbacks = 4
	// longestLull is how long it lasts at most. It lasts as long before a job goes on that
	// can only be ended from then on: it might only have had to wait.
	longestLull = 10 * time.Minute
)

// lulls are the signs that those that move wait, by how many processors they keep busy
// together and for how long. The first is that of a wait in the kernel, the second that
// of asking again and again. The last is there so that every wait ends.
var lulls = [...]struct {
	cores float64
	lasts time.Duration
}{{0.05, 2 * time.Second}, {0.5, 30 * time.Second}, {math.Inf(1), longestLull}}

// quiet is what the ledger knows of the attempts that move.
type quiet struct {
	moving []*job
	// at is when their processor time was cpu. usage is the highest.
	at    time.Time
	cpu   time.Duration
	usage memtools.Bytes
	// busy is when each of the lulls was last interrupted.
	busy [len(lulls)]time.Time
}

// noteLull takes in a measurement.
func (l *ledger) noteLull(m Memory, moving []*job) {
	var cpu time.Duration
	var usage memtools.Bytes
	for _, j := range moving {
		cpu += m.CPU[j.ID]
		usage += j.usage
	}
	q := &l.quiet
	grown := !slices.Equal(q.moving, moving) || usage > q.usage+lullGrowth
	if grown {
		q.moving, q.usage = moving, usage
	}
	over := m.Time.Sub(q.at)
	for i, lull := range lulls {
		unknown := m.CPU == nil && i == 0
		if grown || unknown || over >= time.Second && (cpu < q.cpu || (cpu-q.cpu).Seconds() >= lull.cores*over.Seconds()) {
			q.busy[i] = m.Time
		}
	}
	if grown || over >= time.Second {
		q.at, q.cpu = m.Time, cpu
	}
}

// mayWaitFor reports whether those that move may be waiting for j.
func (l *ledger) mayWaitFor(j *job, m Memory) bool {
	if len(l.quiet.moving) == 0 {
		return false
	}
	final := !l.mayStop(j) && (j.thaws >= maxSetbacks-1 || !j.Once)
	for i, lull := range lulls {
		lasts := min(lull.lasts<<(j.stops+j.thaws), longestLull)
		if final {
			lasts = longestLull
		}
		if m.Time.Sub(l.quiet.busy[i]) >= lasts {
			return true
		}
	}
	return false
}

// endLull has the first of the frozen attempts go on that those that move may be waiting
// for, whatever it needs. If there is no room at all, one that can be stopped makes it first.
func (l *ledger) endLull(m Memory, moving, frozen []*job) []correction {
	for _, j := range frozen {
		if !l.mayWaitFor(j, m) || l.waits(m) {
			continue
		}
		if l.endangered(m, moving) {
			if v := l.victim(moving, frozen); v != nil {
				return l.stop(m, v, stop)
			}
		}
		j.frozen, j.guest = false, false
		j.thaws++
		l.lastCorrection, l.quiet = m.Time, quiet{}
		return []correction{{thaw, j}}
	}
	return nil
}

// growing is what the running attempts may still grow: those that have not run for as long as
// they are expected to.
func (l *ledger) growing(m Memory) (sum memtools.Bytes) {
	for _, j := range l.running {
		if m.Time.Sub(j.started) < j.Length {
			sum += max(0, j.need()-j.usage)
		}
	}
	return sum
}

// overdue returns a job that starts although its need does not fit beside those of others,
// or nil: those that move may be waiting for it, or have left room for long.
func (l *ledger) overdue(m Memory) *job {
	if !l.o.HiddenWaits || len(l.running) == 0 || l.waits(m) {
		return nil
	}
	var first *job
	for _, j := range l.ready[:min(backfillWindow, len(l.ready))] {
		if m.Budget > 0 && m.Usage+l.growing(m)+j.need() > m.Budget {
			j.roomSince = time.Time{}
		} else if j.roomSince.IsZero() {
			j.roomSince = m.Time
		}
		// What the newest attempt takes has to show as well.
		newest := l.running[len(l.running)-1].started
		waited := !j.roomSince.IsZero() && min(m.Time.Sub(j.roomSince), m.Time.Sub(newest)) >= measuredRoom
		if first == nil && (waited && !j.alone || l.mayWaitFor(j, m)) {
			first = j
		}
	}
	if slices.ContainsFunc(l.running, func(j *job) bool { return j.frozen || j.stopping }) {
		return nil
	}
	return first
}
