package memtools

import "fmt"

// Pressure is how close usage is to its limit. Higher is worse.
type Pressure int

const (
	// Normal is usage below the warning threshold.
	Normal Pressure = iota
	// Warning is usage at which nothing more should be started.
	Warning
	// Critical is usage at which memory should be freed now.
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

// Thresholds are the shares of a limit at which usage becomes a warning and becomes
// critical. The zero value means DefaultThresholds.
type Thresholds struct {
	// Warning is a share above 0 and at most 1. Zero means 0.75.
	Warning float64
	// Critical is a share above 0 and at most 1. Zero means 0.90. If it is not above
	// Warning, usage is normal or critical and never a warning.
	Critical float64
}

// DefaultThresholds are 75 % and 90 %. Zero fields of any Thresholds take their value
// from here.
var DefaultThresholds = Thresholds{Warning: 0.75, Critical: 0.90}

// Level returns the pressure of used against limit. It is Normal if limit is not
// positive.
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

// Measure compares used with limit. A limit of zero or less is unknown: the result
// is then no warning.
func (t Thresholds) Measure(used, limit Bytes) Usage {
	level := t.Level(used, limit)
	return Usage{
		Used: used, Limit: max(limit, 0), Percent: used.Percent(limit),
		Warning: level >= Warning, Critical: level >= Critical,
	}
}
