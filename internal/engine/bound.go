package engine

import (
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// account fills in how well the run went.
func (r *run) account(f *event.RunFinished) {
	if r.tasksTo.IsZero() {
		return
	}
	f.Tasks = r.tasksTo.Sub(r.tasksFrom)
	f.Bound, f.BoundBy = r.lowerBound(r.area)
	f.Pauses = r.pauses
	if r.gc != nil {
		f.Collections = r.gc.Collections()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if over := f.Tasks.Seconds(); over > 0 {
		f.Unused = memtools.Bytes(r.unused / over)
	}
}

// lowerBound is what no order of the tasks that ran could be faster than, and
// what sets it: the processor time over the processors, the usage over the
// budget, and the longest chain of tasks, without the time for which they were
// frozen. area is the integral of usage, in
// bytes times seconds.
func (r *run) lowerBound(area float64) (time.Duration, string) {
	lengths := map[string]time.Duration{}
	var cpu time.Duration
	for _, t := range r.ended {
		if t.Status == event.Succeeded {
			cpu += t.CPU
			lengths[t.ID] = t.Duration - t.Frozen
		}
	}
	chains := map[string]time.Duration{}
	var chain time.Duration
	for _, t := range r.graph.Tasks {
		var before time.Duration
		for _, a := range t.After {
			before = max(before, chains[a.ID])
		}
		chains[t.ID] = before + lengths[t.ID]
		chain = max(chain, chains[t.ID])
	}
	bound, by := chain, "order"
	if d := time.Duration(float64(cpu) / r.cpus()); d > bound {
		bound, by = d, "processors"
	}
	if d := time.Duration(area / float64(r.budget) * float64(time.Second)); d > bound {
		bound, by = d, "memory"
	}
	return bound, by
}
