package history

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/heapmage/heapmage/memtools"
)

// Outcome says how a run of a task ended.
type Outcome string

// The outcomes. A task that was stopped to make room for others is not recorded:
// its peak says nothing of what it needs.
const (
	Succeeded Outcome = "succeeded"
	// Failed is an ordinary failure. How far it had come is not known, so its
	// peak counts only while there is no success.
	Failed Outcome = "failed"
	// OutOfHeap means that V8, or another runtime, reached its own limit. The
	// task needs more than its peak and more than its heap limit.
	OutOfHeap Outcome = "out-of-heap"
	// Killed means that the kernel stopped the task for memory, or that heapmage
	// did because it had passed its own need. It needs more than its peak.
	Killed Outcome = "killed"
)

// outcomes gives each outcome its number in a record.
var outcomes = [...]Outcome{Succeeded, Failed, OutOfHeap, Killed}

func (o Outcome) valid() bool { return slices.Contains(outcomes[:], o) }

// censored reports whether the run was cut off by memory, so that its peak is
// less than what the task needs.
func (o Outcome) censored() bool { return o == OutOfHeap || o == Killed }

// Sample is what one run of a task took.
type Sample struct {
	// Time is when the run ended, kept to the millisecond and in UTC. The zero
	// time is unknown.
	Time    time.Time
	Outcome Outcome
	// Peak is the highest usage of the process tree. Zero is unknown.
	Peak memtools.Bytes
	// Duration and CPU are the run's wall and processor time. Zero is unknown.
	Duration time.Duration
	CPU      time.Duration
	// HeapLimit is V8's limit that was in force. Zero is unknown.
	HeapLimit memtools.Bytes
	// Sources is the size of the package's source files. Zero is unknown.
	Sources memtools.Bytes
	// Tool is what the script runs, such as "tsc". Packages with the same tool
	// are alike. Empty is unknown.
	Tool string
	// Versions is what ran it, such as "node 20.20.2", as comma-separated names
	// and versions. Runs of another major version say nothing of the time that
	// the next one takes. Empty is unknown.
	Versions string
}

// The bounds of what is remembered, so that sums and products of samples cannot
// overflow and a line always fits the reader's buffer.
const (
	maxTask  = 4096
	maxText  = 256
	maxSize  = 1024 * memtools.TB
	maxTime  = math.MaxUint32 * time.Millisecond
	maxEpoch = 253402300799999 // the year 9999, in ms
)

// normal returns x within the bounds and with the precision of the file.
func (x Sample) normal() Sample {
	x.Time = fromEpoch(epoch(x.Time))
	x.Peak, x.HeapLimit, x.Sources = bound(x.Peak), bound(x.HeapLimit), bound(x.Sources)
	x.Duration, x.CPU = fromMillis(millis(x.Duration)), fromMillis(millis(x.CPU))
	x.Tool, x.Versions = short(x.Tool), short(x.Versions)
	return x
}

func bound(b memtools.Bytes) memtools.Bytes { return min(max(b, 0), maxSize) }

// millis rounds up, as zero means unknown.
func millis(d time.Duration) uint32 {
	d = min(max(d, 0), maxTime)
	return uint32((d + time.Millisecond - 1) / time.Millisecond)
}

func fromMillis(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }

func epoch(t time.Time) int64 {
	if ms := t.UnixMilli(); ms > 0 && ms <= maxEpoch {
		return ms
	}
	return 0
}

func fromEpoch(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func short(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
