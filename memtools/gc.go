package memtools

import (
	"runtime/debug"
	"sync"
	"time"
)

// defaultCooldown is the least time between two automatic garbage collections.
const defaultCooldown = 30 * time.Second

// TriggerGC collects garbage and returns free pages to the system. It returns how
// much less the process holds afterwards, as measured, and never less than zero.
// It pauses all goroutines for a moment, so keep it out of hot paths.
func TriggerGC() (freed Bytes) {
	before := goMemory()
	debug.FreeOSMemory() // collects first
	return max(before-goMemory(), 0)
}

// AutoGC calls TriggerGC if the usage of this process is critical and no AutoGC
// collected in the last 30 s. It reports whether it collected.
func AutoGC() (freed Bytes, triggered bool) {
	if !Stats().Critical || !autoGC.allow(time.Now(), defaultCooldown) {
		return 0, false
	}
	return TriggerGC(), true
}

var autoGC cooldown

// cooldown allows something at most once in a while. It is safe for concurrent
// use.
type cooldown struct {
	mu   sync.Mutex
	last time.Time
}

func (c *cooldown) allow(now time.Time, pause time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.IsZero() && now.Sub(c.last) < pause {
		return false
	}
	c.last = now
	return true
}
