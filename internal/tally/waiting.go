package tally

import (
	"cmp"
	"slices"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// waiting are the tasks that wait for memory and a processor, with what each was planned to
// need. The zero value is empty.
type waiting struct {
	needs map[string]memtools.Bytes // of all tasks of the plan
	ready []string                  // by need, the least first
}

// add adds a task of a plan, which is complete before any task waits.
func (w *waiting) add(id string, plan []event.PlannedTask) {
	if w.needs == nil {
		w.needs = make(map[string]memtools.Bytes, len(plan))
		for _, t := range plan {
			w.needs[t.ID] = t.Need
		}
	}
	at, _ := slices.BinarySearchFunc(w.ready, w.needs[id], func(other string, need memtools.Bytes) int { return cmp.Compare(w.needs[other], need) })
	w.ready = slices.Insert(w.ready, at, id)
}

// remove removes a task, which need not be there.
func (w *waiting) remove(id string) {
	if at := slices.Index(w.ready, id); at >= 0 {
		w.ready = slices.Delete(w.ready, at, at+1)
	}
}

// least is the smallest need of a task that waits, and false if none does.
func (w *waiting) least() (need memtools.Bytes, ok bool) {
	if len(w.ready) == 0 {
		return 0, false
	}
	return w.needs[w.ready[0]], true
}

// above counts the tasks that wait and need more than that.
func (w *waiting) above(most memtools.Bytes) (n int) {
	for _, id := range slices.Backward(w.ready) {
		if w.needs[id] <= most {
			break
		}
		n++
	}
	return n
}
