package memtools

import (
	"fmt"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// DefaultCooldown is the least time between two automatic garbage collections.
const DefaultCooldown = 30 * time.Second

// Stats are memory figures at one moment: this process's (GetStats), or those
// of any usage a Monitor watches.
type Stats struct {
	// Used is what is in use. The guide's heapUsedMB.
	Used Bytes
	// Limit is what may be used; zero where it is unknown. The guide's heapLimitMB.
	Limit Bytes
	// Percent is Used as a whole percentage of Limit, rounded to the nearest;
	// zero without a limit. The guide's heapUsagePercent.
	Percent int
	// Warning says that usage is at least 75 % of the limit, or what the
	// Thresholds say. It stays set when usage is critical. The guide's isWarning.
	Warning bool
	// Critical says that usage is at least 90 % of the limit, or what the
	// Thresholds say. The guide's isCritical.
	Critical bool
}

// Measure returns the figures of used against limit.
func (t Thresholds) Measure(used, limit Bytes) Stats {
	level := t.Level(used, limit)
	return Stats{
		Used: used, Limit: max(limit, 0), Percent: used.Percent(limit),
		Warning: level >= Warning, Critical: level >= Critical,
	}
}

// String formats the figures as the log does: "1024.50MB / 8192.00MB (13%)".
// Without a limit it is the usage alone.
func (s Stats) String() string {
	if s.Limit <= 0 {
		return s.Used.String()
	}
	return fmt.Sprintf("%v / %v (%d%%)", s.Used, s.Limit, s.Percent)
}

// Message returns what the log says of high usage, such as
// "High memory usage: 78% (6400.00MB / 8192.00MB)" or "Critical memory usage: …".
// It is empty where neither threshold is reached.
func (s Stats) Message() string {
	word := "High"
	switch {
	case s.Critical:
		word = "Critical"
	case !s.Warning:
		return ""
	}
	return fmt.Sprintf("%s memory usage: %d%% (%v / %v)", word, s.Percent, s.Used, s.Limit)
}

// GetStats returns this process's memory: what the Go runtime holds and has not
// given back to the system, against GOMEMLIMIT (or debug.SetMemoryLimit) where
// that is set, else against what the process can grow to with the memory that is
// available now. It is the guide's getMemoryStats().
//
// Used is the figure that GOMEMLIMIT bounds. Memory that C code allocates is not
// in it.
func GetStats() Stats {
	used := goMemory()
	return DefaultThresholds.Measure(used, ownLimit(used))
}

// CheckUsage returns a message where this process's memory usage is high, and
// "" where it is fine. It is the guide's checkMemoryUsage().
func CheckUsage() string { return GetStats().Message() }

// FormatUsage returns this process's memory usage as
// "1024.50MB / 8192.00MB (13%)". It is the guide's formatMemoryUsage().
func FormatUsage() string { return GetStats().String() }

// TriggerGC collects garbage, gives free pages back to the system and returns
// how much less the process holds afterwards, as measured; zero where it holds
// no less. All of the process's goroutines wait for a moment, so this is not for
// a hot path. It is the guide's triggerGarbageCollection(); Go needs no flag
// for it.
func TriggerGC() (freed Bytes) {
	before := goMemory()
	debug.FreeOSMemory() // runs a collection first
	return max(before-goMemory(), 0)
}

// AutoGC runs TriggerGC if this process's usage is critical and no AutoGC ran in
// the last 30 s, and says whether it did. It is the guide's
// autoGarbageCollection().
func AutoGC() (freed Bytes, triggered bool) {
	if !GetStats().Critical || !autoGC.allow(time.Now(), DefaultCooldown) {
		return 0, false
	}
	return TriggerGC(), true
}

var autoGC cooldown

// cooldown allows something at most once in a while. Many goroutines may use it.
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

// goMemory returns what GOMEMLIMIT counts: all memory that the runtime mapped,
// less what it released (see the runtime package's doc on GOMEMLIMIT).
func goMemory() Bytes {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	return Bytes(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// ownLimit returns this process's own limit, or zero where nothing tells one.
func ownLimit(used Bytes) Bytes {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return Bytes(limit)
	}
	available, err := Available()
	if err != nil {
		return 0
	}
	return used + available
}
