package estimate

import (
	"slices"

	"github.com/heapmage/heapmage/memtools"
)

// MaxSupport is the most samples that Support marks.
const MaxSupport = 17

// Support marks the samples, the oldest first, that predictions rest on:
//   - the successes that count, and the one by which they are judged;
//   - if there is none, the failure with the largest peak;
//   - of the runs that memory cut off since the fifth last success, and since the
//     last, those with the largest peak and with the largest heap limit;
//   - however old, the runs that show which heap limit is needed: without them
//     the task would die again once it had succeeded often enough.
func Support(own []Sample) []bool {
	marks, top := counted(own)
	if top >= 0 {
		marks[top] = true
	}
	cutOff := func(x *Sample) (memtools.Bytes, bool) { return x.Peak, x.Outcome.censored() }
	heapFull := func(x *Sample) (memtools.Bytes, bool) { return x.HeapLimit, x.Outcome == OutOfHeap }
	fifth, last := windowStart(own)
	for _, from := range [...]int{fifth, last} {
		markLargest(marks, own, from, cutOff)
		markLargest(marks, own, from, heapFull)
	}
	_, died, sufficed := provenHeap(own)
	for _, i := range [...]int{died, sufficed} {
		if i >= 0 {
			marks[i] = true
		}
	}
	if top < 0 {
		markLargest(marks, own, 0, func(x *Sample) (memtools.Bytes, bool) { return x.Peak, x.Outcome == Failed })
	}
	return marks
}

// windowStart returns the index of the fifth last success, 0 if there are fewer,
// and that of the sample after the last success, 0 if there is none.
func windowStart(own []Sample) (fifth, afterLast int) {
	successes := 0
	for i, x := range slices.Backward(own) {
		if x.Outcome != Succeeded {
			continue
		}
		if successes++; successes == 1 {
			afterLast = i + 1
		}
		if successes == window {
			return i, afterLast
		}
	}
	return 0, afterLast
}

// markLargest marks the sample with the largest size from an index on; of equal
// ones the newest. size returns false for samples that do not take part.
func markLargest(marks []bool, own []Sample, from int, size func(*Sample) (memtools.Bytes, bool)) {
	at, largest := -1, memtools.Bytes(0)
	for i := from; i < len(own); i++ {
		if n, ok := size(&own[i]); ok && n >= largest {
			at, largest = i, n
		}
	}
	if at >= 0 {
		marks[at] = true
	}
}

// Superfluous is the index of the oldest sample that no prediction rests on. A
// week of failing runs therefore does not make a task unknown. It is -1 if every
// sample is needed, which cannot be the case for more than MaxSupport.
func Superfluous(own []Sample) int { return slices.Index(Support(own), false) }
