package heap

import (
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// defaultCooldown is the least time between two collections in one process.
	defaultCooldown = 30 * time.Second
	// gcSettle is how long V8's threads take to return collected pages to the system.
	// Usage does not fall before that.
	gcSettle = 100 * time.Millisecond
	// minHeap is the smallest heap that is worth pausing a program for.
	minHeap = 32 * memtools.MB
)

// pacing is how soon garbage is collected again.
type pacing struct {
	// pause is the least time between two rounds of collections: what one round freed
	// must show in the usage before the next.
	pause time.Duration
	// A process need not wait for the cooldown if its last collection freed at least
	// 1/part of its heap and the heap has grown by 1/part since: it waits only for
	// times the length of that collection.
	part  memtools.Bytes
	times int
	// cooldown is the least time between two collections in any other process.
	cooldown time.Duration
}

// pacingFor returns the pacing for a trigger. Usually, a process that frees a fifth of
// its heap spends at most a twentieth of its time on collections. If the alternative is
// to pause or stop it, freeing a twentieth is enough, and it spends up to a fifth.
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

// worthwhile decides whether a heap is worth a collection: it is large enough, and the
// cooldown is over or need not be waited for. If a collection freed less than a
// twentieth and the heap has hardly grown since, nearly all of it is live: it is left
// alone for four cooldowns.
func (p pacing) worthwhile(used memtools.Bytes, past pastGC, now time.Time) bool {
	if used < minHeap {
		return false
	}
	if past.at.IsZero() {
		return true
	}
	since, before := now.Sub(past.at), past.after+past.freed
	grown := func(part memtools.Bytes) bool { return used > past.after+past.after/part }
	if past.freed >= before/p.part && grown(p.part) && since >= max(time.Duration(p.times)*past.took, p.pause) {
		return true
	}
	if since < p.cooldown {
		return false
	}
	return past.freed >= past.after/20 || grown(5) || since >= 4*p.cooldown
}
