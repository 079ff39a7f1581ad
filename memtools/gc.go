package memtools

import (
	"runtime/debug"
	"time"

	"github.com/heapmage/heapmage/internal/clock"
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
	if !Stats().Critical || !autoGC.Allow(time.Now(), defaultCooldown) {
		return 0, false
	}
	return TriggerGC(), true
}

var autoGC clock.Cooldown
