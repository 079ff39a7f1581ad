package heap

import (
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// defaultCooldown is the least time between two collections in one process.
	defaultCooldown = 30 * time.Second
	// gcSettle is how long V8 takes, in threads of its own, to return the pages of what
	// it collected to the system; usage does not fall before.
	gcSettle = 100 * time.Millisecond
	// minHeap is the smallest heap that is worth the pause of its program.
	minHeap = 32 * memtools.MB
)

// pacing is how soon garbage is collected again.
type pacing struct {
	// pause is the least time between two looks at all processes: what was freed must
	// show before more is done.
	pause time.Duration
	// A process that gave back at least one part-th of its heap, and whose heap has
	// grown by as much since, need not wait for the cooldown, only times the length of
	// its last collection.
	part  memtools.Bytes
	times time.Duration
	// cooldown is the least time between two collections in any other process.
	cooldown time.Duration
}

// pacingFor returns the pacing for a trigger. Usually a process that gives back a
// fifth pays at most a twentieth of its time. If it would have to be paused or stopped
// otherwise, one that gives back a twentieth pays a fifth.
func pacingFor(t event.GCTrigger, cooldown time.Duration) pacing {
	if t == event.AtShortage {
		return pacing{pause: gcSettle, part: 20, times: 4, cooldown: cooldown}
	}
	return pacing{pause: time.Second, part: 5, times: 20, cooldown: cooldown}
}

// pastGC is the last collection in a process.
type pastGC struct {
	at           time.Time
	after, freed memtools.Bytes
	took         time.Duration
}

// worthwhile decides whether a heap is worth a collection: it is large enough, and
// past its cooldown or paced faster. A heap that gave back less than a twentieth and
// has hardly grown since is nearly all live: it is left alone for four cooldowns.
func (p pacing) worthwhile(used memtools.Bytes, past pastGC, now time.Time) bool {
	if used < minHeap {
		return false
	}
	if past.at.IsZero() {
		return true
	}
	since, before := now.Sub(past.at), past.after+past.freed
	grown := func(part memtools.Bytes) bool { return used > past.after+past.after/part }
	if past.freed >= before/p.part && grown(p.part) && since >= max(p.times*past.took, p.pause) {
		return true
	}
	if since < p.cooldown {
		return false
	}
	return past.freed >= past.after/20 || grown(5) || since >= 4*p.cooldown
}
