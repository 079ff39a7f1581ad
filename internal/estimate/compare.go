package estimate

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Comparison is the peak of a task's last run beside those of its earlier runs.
type Comparison struct {
	// Before is the median peak of the earlier full runs, under the heap limit of the last
	// one, and Highest the largest. Zero means that there was none.
	Before, Highest memtools.Bytes
	// After is the peak of the last run.
	After memtools.Bytes
	// AtLeast is why the last run might have taken more than After; empty if it could not.
	AtLeast Excuse
	// From is the last of the earlier full runs, and To the run of After. Its zero value
	// means that there is no last run.
	From, To Sample
}

// Excuse is why the peak of a run is only a lower bound for that of a full one.
type Excuse string

// The excuses.
const (
	Partial Excuse = "it had little to do"
	CutOff  Excuse = "it ran out of memory"
)

// Compare compares the newest of the later runs of a task with its earlier ones, both the
// oldest first. A full run counts more than newer ones that had little to do; one that failed
// for another reason than memory does not count.
func Compare(earlier, later []Sample) Comparison {
	full := fullRuns(earlier)
	var most time.Duration // processor time
	for _, x := range full {
		most = max(most, x.CPU)
	}
	c := latest(later, most)
	var peaks []memtools.Bytes
	for _, x := range full {
		peaks = append(peaks, roundUp(float64(x.Peak)*relief(x, c.To.HeapLimit)))
		c.From = x
	}
	if c.Before = median(peaks); len(peaks) > 0 { // which median has sorted
		c.Highest = peaks[len(peaks)-1]
	}
	return c
}

// fullRuns are the last five successes that did the whole work, as the last one did it.
func fullRuns(own []Sample) (full []Sample) {
	marks, top := counted(own)
	last := lastSuccess(own)
	for i := range own {
		if x := &own[i]; marks[i] && x.resembles(last) && fullRun*x.CPU >= own[top].CPU {
			full = append(full, *x)
		}
	}
	return full[max(0, len(full)-window):]
}

func lastSuccess(own []Sample) *Sample {
	for i := len(own) - 1; i >= 0; i-- {
		if own[i].Outcome == Succeeded {
			return &own[i]
		}
	}
	return nil
}

// latest picks the newest run that counts. A full one has at least a part of the processor
// time most.
func latest(own []Sample, most time.Duration) (c Comparison) {
	for _, x := range slices.Backward(own) {
		full := x.Outcome == Succeeded && fullRun*x.CPU >= most
		switch {
		case full:
			return Comparison{After: x.Peak, To: x}
		case c.To.Outcome != "": // an older one that is full may follow
		case x.Outcome.censored():
			return Comparison{After: x.Peak, To: x, AtLeast: CutOff}
		case x.Outcome == Succeeded:
			c = Comparison{After: x.Peak, To: x, AtLeast: Partial}
		}
	}
	return c
}
