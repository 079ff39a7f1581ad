package memtools

import (
	"fmt"
	"math"
	"runtime/debug"
	"runtime/metrics"
)

// Usage is memory in use, compared with its limit.
type Usage struct {
	// Used is the memory in use.
	Used Bytes
	// Limit is the most that may be used. Zero means unknown.
	Limit Bytes
	// Percent is Used as a percentage of Limit, rounded to a whole number. Zero if
	// the limit is unknown.
	Percent int
	// Warning is set at and above the warning threshold, so also if usage is critical.
	Warning bool
	// Critical is set at and above the critical threshold.
	Critical bool
}

// String returns used memory, limit and percentage, such as
// "1024.50MB / 8192.00MB (13%)", or used memory alone if the limit is unknown.
func (u Usage) String() string {
	if u.Limit <= 0 {
		return u.Used.String()
	}
	return fmt.Sprintf("%v / %v (%d%%)", u.Used, u.Limit, u.Percent)
}

// Message returns a warning, such as
// "High memory usage: 78% (6400.00MB / 8192.00MB)" or "Critical memory usage: …".
// It is empty below the warning threshold.
func (u Usage) Message() string {
	word := "High"
	switch {
	case u.Critical:
		word = "Critical"
	case !u.Warning:
		return ""
	}
	return fmt.Sprintf("%s memory usage: %d%% (%v / %v)", word, u.Percent, u.Used, u.Limit)
}

// Stats returns the memory usage of this process, judged by DefaultThresholds.
//
// Used is what the Go runtime holds and has not returned to the system, as GOMEMLIMIT
// counts it. Memory that C code allocates is not part of it. Limit is GOMEMLIMIT (or
// debug.SetMemoryLimit) if that is set; else Used plus what Available returns; and
// zero if that fails.
func Stats() Usage {
	used := goMemory()
	return DefaultThresholds.Measure(used, ownLimit(used))
}

// GetStats is the same as Stats. It is the name that docs/guide-api.md gives to users
// of the TypeScript API.
func GetStats() Usage { return Stats() }

// CheckUsage returns a warning about the memory usage of this process, or "" if usage
// is normal: Stats().Message().
func CheckUsage() string { return Stats().Message() }

// FormatUsage returns the memory usage of this process as text, such as
// "1024.50MB / 8192.00MB (13%)": Stats().String().
func FormatUsage() string { return Stats().String() }

// goMemory returns what GOMEMLIMIT counts: all memory that the runtime mapped,
// less what it released (see package runtime).
func goMemory() Bytes {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	return Bytes(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// ownLimit returns this process's limit, or zero if nothing tells one.
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
