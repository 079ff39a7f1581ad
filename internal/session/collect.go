package session

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"github.com/heapmage/heapmage/memtools"
)

const (
	// leastGarbage is what may gather between collections, in percent of what is in use. This
	// process must stay small beside those that it starts, and allocates so little that even
	// then there are few collections.
	leastGarbage = 25
	// roomyHeap is up to which size more may gather: a run whose results are all known would
	// spend a fifth of its time on collections of a small heap.
	roomyHeap = 10 * memtools.MB
)

// KeepSmall has garbage collected often.
func KeepSmall() { debug.SetGCPercent(leastGarbage) }

// Prepared gives back the memory of what was read to prepare a run. If the run may find all
// its results known, only much of that is worth the time, and garbage is collected less often
// from now on while the heap is small.
func Prepared(mayBeKnown bool) {
	if !mayBeKnown || inUse() > roomyHeap {
		debug.FreeOSMemory()
	}
	if mayBeKnown {
		sparing.Do(setGarbage)
	}
}

var sparing sync.Once

// inUse is the size of the heap that the last collection has left.
func inUse() memtools.Bytes {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return memtools.Bytes(live[0].Value.Uint64())
}

// setGarbage sets how much garbage may gather, now and after each collection.
func setGarbage() {
	percent := leastGarbage
	// Go waits for at least 4 MB and the percentage of that before the first collection.
	if used := max(3*memtools.MB, inUse()); used < roomyHeap {
		percent = max(percent, int(100*(roomyHeap-used)/used))
	}
	debug.SetGCPercent(percent)
	type collected struct{ _ *int } // by the next collection
	runtime.AddCleanup(&collected{}, func(struct{}) { setGarbage() }, struct{}{})
}
