// Package trend tells from measurements how fast memory grows.
package trend

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// window is the time over which growth is measured.
const window = 500 * time.Millisecond

// Trend is the measurements of at least the last half second, the oldest first. The zero value
// has none.
type Trend []point

type point struct {
	at    time.Time
	usage memtools.Bytes
}

// Note adds a measurement. It replaces the last one if it is no later.
func (t *Trend) Note(at time.Time, usage memtools.Bytes) {
	past := *t
	if n := len(past); n > 0 && !at.After(past[n-1].at) {
		past = past[:n-1]
	}
	past = append(past, point{at, usage})
	for len(past) > 2 && at.Sub(past[1].at) >= window {
		past = past[1:]
	}
	*t = past
}

// In is the growth to be expected within d. It is never below zero: memory that
// is being given back just now will not be given back for ever.
func (t Trend) In(d time.Duration) memtools.Bytes {
	if len(t) < 2 {
		return 0
	}
	first, last := t[0], t[len(t)-1]
	rate := float64(last.usage-first.usage) / last.at.Sub(first.at).Seconds()
	return memtools.Bytes(max(0, rate*d.Seconds()))
}
