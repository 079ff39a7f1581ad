package memtools

import "fmt"

// Pressure says how close usage is to its limit.
type Pressure int

// The levels of Pressure. They are ordered: a higher one is worse.
const (
	// Normal leaves room: usage is below the warning threshold.
	Normal Pressure = iota
	// Warning says that nothing more should be started.
	Warning
	// Critical says that memory should be freed now.
	Critical
)

// String returns "normal", "warning" or "critical".
func (p Pressure) String() string {
	switch p {
	case Normal:
		return "normal"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	}
	return fmt.Sprintf("Pressure(%d)", int(p))
}

// Thresholds are the shares of a limit, above 0 and up to 1, from which usage
// counts as warning and as critical. A field that is zero has its default:
// 0.75 and 0.90.
type Thresholds struct {
	Warning, Critical float64
}

// DefaultThresholds are those of a zero Thresholds.
var DefaultThresholds = Thresholds{Warning: 0.75, Critical: 0.90}

// Level returns the pressure of used against limit. Without a limit (zero or
// less) it is Normal. Where Warning lies above Critical, Critical wins.
func (t Thresholds) Level(used, limit Bytes) Pressure {
	if limit <= 0 {
		return Normal
	}
	if t.Warning == 0 {
		t.Warning = DefaultThresholds.Warning
	}
	if t.Critical == 0 {
		t.Critical = DefaultThresholds.Critical
	}
	switch share := float64(used) / float64(limit); {
	case share >= t.Critical:
		return Critical
	case share >= t.Warning:
		return Warning
	}
	return Normal
}
