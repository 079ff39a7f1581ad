package clock

import (
	"sync"
	"time"
)

// Cooldown allows something at most once in a while. The zero value is ready. It is safe for
// concurrent use.
type Cooldown struct {
	mu   sync.Mutex
	last time.Time
}

// Allow reports whether it may happen now, which it then does: a pause has passed since the
// last time.
func (c *Cooldown) Allow(now time.Time, pause time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.IsZero() && now.Sub(c.last) < pause {
		return false
	}
	c.last = now
	return true
}
