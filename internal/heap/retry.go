package heap

import (
	"fmt"
	"slices"

	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// minPart is the part of a heap limit, 1/minPart, that a smaller one keeps at least: with
// less, V8 would only collect garbage.
const minPart = 4

// Failure is an attempt that failed because of memory.
type Failure struct {
	Verdict oom.Verdict
	// Limit is the heap limit of the attempt, and Request what decided it.
	Limit   Limit
	Request Request
	// Heap is the largest V8 heap that was seen in the attempt. Zero if none was.
	Heap memtools.Bytes
	// Before are the outcomes of the task's earlier attempts.
	Before []schedule.Outcome
	// Peak is the highest usage of the attempt.
	Peak memtools.Bytes
	// Alone is set if nothing ran beside the attempt.
	Alone bool
	// Retries bounds the further attempts after each kind of failure. Nil means
	// one, and only if something would be different.
	Retries *int
	// Repeat allows a task that already ran alone to run alone again.
	Repeat bool
}

// Retry decides whether a task is tried again, and how: after a full V8 heap with a
// larger limit, if there is room for one; otherwise alone, with a heap limit that
// fits the budget, or that leaves room for what the task holds outside of its heap. If it
// is not, the result is Failed. text describes the next attempt.
func Retry(f Failure) (o schedule.Outcome, text string) {
	cause := f.Verdict.Cause
	failed := schedule.Outcome{Result: schedule.Failed, Cause: cause}
	if f.failures() > f.retries() || f.Verdict.OwnCgroup != "" {
		return failed, "" // the limit of a cgroup that the script sets is the same then
	}
	again := schedule.Outcome{Result: schedule.Again, Cause: cause}
	if heapFull(cause) {
		// Without a limit in the verdict, the heap was full far below our limit: the
		// script sets a lower one, and raising ours changes nothing.
		raised, ok := f.Limit.raised(f.Request)
		if !ok || f.Verdict.Limit == 0 && cause == oom.V8Heap || f.lowered() {
			return failed, ""
		}
		again.HeapLimit = raised
		return again, fmt.Sprintf("trying again with the heap limit raised from %v to %v", f.Limit.Size, raised)
	}
	again.Alone = true
	f.Request.MayExceedBudget = false
	if smaller := f.smaller(); smaller > 0 && fromOutside(cause) {
		again.HeapLimit = smaller
		return again, fmt.Sprintf("trying again, alone, with a heap limit of %v instead of %v", smaller, f.Limit.Size)
	}
	if f.Alone && !f.Repeat && f.Retries == nil {
		return failed, ""
	}
	return again, "trying again, alone"
}

// smaller is a heap limit with which the task may fit, zero if none would change anything:
// one inside the budget if this one was above it, else one that leaves room for what a
// lone task held beside the largest of its heaps.
func (f Failure) smaller() memtools.Bytes {
	fits := For(f.Request).Size
	if f.Limit.Size > f.Request.Budget {
		if fits < f.Limit.Size {
			return fits
		}
		return 0
	}
	beside := f.Request.room() - max(0, f.Peak-f.Heap)
	if !f.Alone || !f.Limit.Set || f.Limit.Fixed || f.Heap <= beside || beside < f.Limit.Size/minPart {
		return 0
	}
	return beside
}

// lowered reports whether the heap limit was lowered after an earlier attempt took too
// much: a larger one would be too much again.
func (f Failure) lowered() bool {
	n := len(f.Before)
	return n > 0 && f.Before[n-1].HeapLimit > 0 && fromOutside(f.Before[n-1].Cause)
}

// failures counts the failures of this attempt's kind, this one included.
func (f Failure) failures() int {
	n := 1
	for _, o := range f.Before {
		if o.Cause != "" && heapFull(o.Cause) == heapFull(f.Verdict.Cause) {
			n++
		}
	}
	return n
}

func (f Failure) retries() int {
	if f.Retries == nil {
		return 1
	}
	return *f.Retries
}

// raised returns the limit for another attempt after V8 ran out of heap, and whether
// one is worth trying: the limit is not fixed and can grow by at least a tenth.
func (l Limit) raised(r Request) (memtools.Bytes, bool) {
	limit := min(r.Ceiling, r.room())
	return limit, !l.Fixed && limit >= l.Size+l.Size/10
}

// Next returns the heap limit of an attempt: the last one that an earlier attempt asked
// for, else the limit of a first attempt.
func Next(r Request, before []schedule.Outcome) Limit {
	for _, o := range slices.Backward(before) {
		if o.HeapLimit > 0 {
			return Limit{Size: o.HeapLimit, Set: true}
		}
	}
	return For(r)
}

func heapFull(c oom.Cause) bool { return c == oom.V8Heap || c == oom.NodeWorker }

// fromOutside reports whether a task was killed or stopped because of the memory that it
// used, not by a limit inside its program.
func fromOutside(c oom.Cause) bool {
	return c == oom.KernelOOM || c == oom.KernelOOMSuspected || c == oom.GuardSuspected || c == oom.PressureStop
}
