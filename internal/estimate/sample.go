package estimate

import (
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// Outcome is how a run of a task ended.
type Outcome string

// The outcomes. A run that was stopped to make room for others has none: its
// peak does not show what it needs.
const (
	Succeeded Outcome = "succeeded"
	// Failed is an ordinary failure. It may have come early, so its peak counts
	// only until the task succeeds.
	Failed Outcome = "failed"
	// OutOfHeap means that V8, or another runtime, reached its own limit. The
	// task needs more than its peak and a larger heap limit.
	OutOfHeap Outcome = "out-of-heap"
	// Killed means that the kernel stopped the task because memory ran out, or
	// that heapmage did because it had passed its need. It needs more than its
	// peak.
	Killed Outcome = "killed"
)

// censored reports whether memory cut the run off, so that its peak is less
// than what the task needs.
func (o Outcome) censored() bool { return o == OutOfHeap || o == Killed }

// Sample is what one run of a task took.
type Sample struct {
	// Time is when the run ended. The zero time means unknown.
	Time    time.Time
	Outcome Outcome
	// Peak is the highest usage of the process tree. Zero means unknown.
	Peak memtools.Bytes
	// Duration and CPU are the wall and processor time of the run. Zero means
	// unknown.
	Duration time.Duration
	CPU      time.Duration
	// HeapLimit is V8's limit during the run. Zero means unknown.
	HeapLimit memtools.Bytes
	// Sources is the size of the package's source files. Zero means unknown.
	Sources memtools.Bytes
	// Tool is what the script runs, such as "tsc". Packages with the same tool
	// are compared. Empty means unknown.
	Tool string
	// Versions is what ran it, such as "node 20.20.2": names and versions,
	// separated by commas. A run under another major version does not predict
	// time. Empty means unknown.
	Versions string
}

// Observed returns what an attempt that ended as f shows of its task; need is
// what was reserved for it. It returns false if the attempt shows nothing: it
// was ended from outside, or never started. The caller sets Time, HeapLimit,
// Sources, Tool and Versions, which f does not know.
func Observed(f event.TaskFinished, need memtools.Bytes) (Sample, bool) {
	outcome, ok := outcomeOf(f, need)
	ok = ok && !f.ForOthers
	return Sample{Outcome: outcome, Peak: f.Peak, Duration: f.Duration - f.Frozen, CPU: f.CPU}, ok
}

func outcomeOf(f event.TaskFinished, need memtools.Bytes) (Outcome, bool) {
	switch f.Status {
	case event.Succeeded:
		return Succeeded, true
	case event.Failed:
		// Without an exit code the script could not be started.
		return Failed, f.Cause != string(oom.Failure) || f.ExitCode > 0
	case event.OutOfMemory:
		switch oom.Cause(f.Cause) {
		case oom.V8Heap, oom.NodeWorker, oom.JVMHeap:
			return OutOfHeap, true
		default:
			return Killed, true
		}
	case event.Stopped:
		return Killed, f.Peak > need // otherwise another task was the cause
	default:
		return "", false
	}
}
