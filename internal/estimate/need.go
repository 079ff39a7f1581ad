package estimate

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// All factors of needs are here.
const (
	// marginFactor and marginBytes are added to a peak: two runs of the same
	// sources differ by about 2.5 %, small ones by a few MB. A larger difference
	// takes from the budget's reserve, and tasks are paused before that is gone.
	marginFactor = 1.05
	marginBytes  = 16 * memtools.MB
	// oomFactor is how much more a run gets after memory cut it off. What it
	// would have needed is unknown, so two attempts double it.
	oomFactor = 1.5
	// minGrowth is the growth of sources that the margin does not cover.
	// maxGrowth is the most that counts: generated files can multiply the size
	// of sources without costing memory.
	minGrowth = 1.1
	maxGrowth = 4
	// minNodePeak is the memory of a tool before it reads any sources, unless
	// other packages show it: a Node process that has loaded a small tool.
	minNodePeak = 64 * memtools.MB
	// V8 collects harder near its heap limit, so a run close to the limit would
	// have taken more under a larger one. With tsc this was measured from a tree
	// of heapBound times the limit, and it took at most heapRelief times as much.
	heapBound  = 1.1
	heapRelief = 4.0 / 3
	// unknownNeed is what a task without any evidence gets, but no more than a
	// part of the budget, 1/unknownShare.
	unknownNeed  = memtools.GB
	unknownShare = 5
	// maxNeed bounds needs so that their sums cannot overflow.
	maxNeed = 1024 * memtools.TB
)

const (
	// window is how many successes count, so that one light run does not make
	// the next full one a surprise.
	window = 5
	// Of the runs before those, only runs like the last one count: with sources
	// at most maxShrink times as large, and at most maxAge older.
	maxShrink = 2
	maxAge    = 30 * 24 * time.Hour
	// fullRun is the part of the largest processor time, 1/fullRun, from which a
	// run counts as a full build.
	fullRun = 4
)

// RetryNeed is the need of the next attempt after memory ended one at peak.
func RetryNeed(peak memtools.Bytes) memtools.Bytes { return roundUp(float64(peak) * oomFactor) }

// NeedFor is what is reserved for a task whose peak is known.
func NeedFor(peak memtools.Bytes) memtools.Bytes { return roundUp(withMargin(float64(peak))) }

// withMargin is the need of a run that is expected to take peak.
func withMargin(peak float64) float64 { return peak*marginFactor + float64(marginBytes) }

// withoutMargin is the peak from which a need was made. It is at least 1.
func withoutMargin(need memtools.Bytes) memtools.Bytes {
	return max(1, memtools.Bytes(float64(need-marginBytes)/marginFactor))
}

// need is the largest need that any sample asks for. base is the part of a peak
// that does not grow with the sources.
func (e evidence) need(q Question, base memtools.Bytes) memtools.Bytes {
	var need memtools.Bytes
	for _, x := range e.runs {
		peak := scaled(x.Peak, base, growth(x.Sources, q.Sources))
		if x.Outcome != OutOfHeap { // oomFactor covers the larger limit
			peak *= relief(x.Sample, q.HeapLimit)
		}
		n := withMargin(peak)
		if x.cut {
			n = max(n, peak*oomFactor)
		}
		need = max(need, roundUp(n))
	}
	return need
}

// growth is how many times larger the sources are now. It is 1 if that is
// unknown, too little to count, or less.
func growth(before, now memtools.Bytes) float64 {
	if before <= 0 || now <= 0 || float64(now) <= minGrowth*float64(before) {
		return 1
	}
	return min(float64(now)/float64(before), maxGrowth)
}

// scaled is a peak whose part above base has grown.
func scaled(peak, base memtools.Bytes, growth float64) float64 {
	base = min(base, peak)
	return float64(base) + float64(peak-base)*growth
}

// relief is how many times more a run may take under the heap limit now than
// under its own. It is never below 1: a heap limit bounds one process, not the
// tree.
func relief(x Sample, now memtools.Bytes) float64 {
	if x.HeapLimit <= 0 || now <= x.HeapLimit || float64(x.Peak) < heapBound*float64(x.HeapLimit) {
		return 1
	}
	return min(float64(now)/float64(x.HeapLimit), heapRelief)
}

// provenHeap is the largest heap limit that the samples, the oldest first, show
// to be needed: oomFactor times one that a run died of, or a smaller one above it
// that sufficed later. A later success with no larger limit refutes it. died and
// sufficed are the samples that show this, -1 for none.
func provenHeap(own []Sample) (heap memtools.Bytes, died, sufficed int) {
	died, sufficed = -1, -1
	var enough memtools.Bytes // the smallest limit that sufficed later
	at := -1
	for i, x := range slices.Backward(own) {
		limit := x.HeapLimit
		switch {
		case limit <= 0:
		case x.Outcome == Succeeded && (enough == 0 || limit < enough):
			enough, at = limit, i
		case x.Outcome == OutOfHeap && (enough == 0 || enough > limit):
			want := RetryNeed(limit)
			if enough > 0 {
				want = min(want, enough)
			}
			if want > heap {
				heap, died, sufficed = want, i, at
			}
		}
	}
	return heap, died, sufficed
}

// roundUp rounds up to whole bytes, within 0 and maxNeed. Less than a thousandth
// of a byte is an error of the multiplication.
func roundUp(n float64) memtools.Bytes {
	if n >= float64(maxNeed) {
		return maxNeed
	}
	b := memtools.Bytes(n)
	if n-float64(b) > 1e-3 {
		b++
	}
	return b
}
