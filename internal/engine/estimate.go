package engine

import (
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
)

func (r *run) estimate(t *taskgraph.Task) schedule.Estimate {
	known := r.Predict(t, r.size(t))
	return schedule.Estimate{Need: known.Need, Length: known.Length, Cores: known.Cores}
}

// size is the size of the sources of a task's package. It is zero while the task may turn out
// to be known: looking at all files would take as long as finding that out.
func (r *run) size(t *taskgraph.Task) memtools.Bytes {
	if r.results != nil && r.results.Unasked(t) {
		return 0
	}
	return r.Sources.Of(t.Package)
}

// remember adds the attempt to the history.
func (a *attempt) remember() {
	limit := memtools.Bytes(0)
	if a.IsNode() {
		limit = a.node.Limit.Size
	}
	if err := a.Remember(a.task, a.finished, a.grant.Need, limit); err != nil {
		a.sayOnce(event.Notice{Kind: event.HistoryLost, Text: "The history cannot be written: " + err.Error(), Hint: roomHint})
	}
}
