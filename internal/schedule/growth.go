package schedule

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// growthWindow is the time over which growth is measured.
const growthWindow = 500 * time.Millisecond

// trend is the measurements of the last growthWindow, the oldest first.
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
	for len(past) > 2 && at.Sub(past[1].at) >= growthWindow {
		past = past[1:]
	}
	*t = past
}

// in is the growth to be expected within d. It is never below zero: memory that
// is being given back just now will not be given back for ever.
func (t trend) in(d time.Duration) memtools.Bytes {
	if len(t) < 2 {
		return 0
	}
	first, last := t[0], t[len(t)-1]
	rate := float64(last.usage-first.usage) / last.at.Sub(first.at).Seconds()
	return memtools.Bytes(max(0, rate*d.Seconds()))
}

// growth is how much the run is expected to grow within d. An attempt grows as it
// did, but not beyond its need until it has shown that this is too low. A guest beside
// others is frozen before it grows too much, and does not count.
func (l *ledger) growth(moving []*job, d time.Duration) memtools.Bytes {
	sum := l.rest.in(d)
	for _, j := range moving {
		if j.guest && len(moving) > 1 {
			continue
		}
		grows := j.past.in(d)
		if j.usage <= j.Need && j.withinNeed() {
			grows = min(grows, j.need()-j.usage)
		}
		sum += grows
	}
	return sum
}
