package engine

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
)

// openHistory reads what earlier runs took. If that fails, every task counts as new and
// nothing is added.
func (p *prepared) openHistory(readOnly bool) {
	var err error
	if p.history, err = history.Open(rundir.HistoryFile(p.ws.Root), history.Options{ReadOnly: readOnly, Machine: p.limits.Machine}); err != nil {
		p.notices = append(p.notices, event.Notice{Kind: event.HistoryLost, Text: err.Error(), Hint: "make it readable, or remove it"})
		return
	}
	if n := p.history.Damaged(); n > 0 {
		text, were := fmt.Sprintf("%s of the history could not be read", report.Plural(n, "line")), "were"
		if n == 1 {
			were = "was"
		}
		if !readOnly {
			text += " and " + were + " set aside in " + rundir.History + ".damaged"
		}
		p.notices = append(p.notices, event.Notice{Kind: event.StateDamaged, Text: text})
	}
}

// tool names the programs that a task's script runs.
func (p *prepared) tool(t *taskgraph.Task) string {
	return scripttext.Tool(t.Package.Scripts[t.Script])
}

// predict estimates what a task will need. size is that of its package's sources; zero means
// unknown.
func (p *prepared) predict(t *taskgraph.Task, size memtools.Bytes) estimate.Prediction {
	return p.history.Predict(estimate.Question{
		Task: t.Call(), Tool: p.tool(t), Sources: size, HeapLimit: heap.For(p.heapRequest(t, estimate.Prediction{})).Size,
		Budget: p.maxBudget, Configured: p.config.Lookup(t.Package.Keys()).Need.Of(p.limits.Effective),
	})
}

func (r *run) estimate(t *taskgraph.Task) schedule.Estimate {
	known := r.predict(t, r.size(t))
	return schedule.Estimate{Need: known.Need, Length: known.Length, Cores: known.Cores}
}

// size is the size of the sources of a task's package. It is zero while the task may turn out
// to be known: looking at all files would take as long as finding that out.
func (r *run) size(t *taskgraph.Task) memtools.Bytes {
	if r.results != nil && r.results.Unasked(t) {
		return 0
	}
	return r.sources.Of(t.Package)
}

// remember adds the attempt to the history.
func (a *attempt) remember() {
	sample, ok := estimate.Observed(a.finished, a.grant.Need)
	if !ok {
		return
	}
	sample.Time, sample.Tool, sample.Versions = time.Now(), a.tool(a.task), a.versions()
	// The script may have generated sources, which the next run will find.
	sample.Sources = max(a.sources.Of(a.task.Package), a.sources.Now(a.task.Package))
	if a.isNode() {
		sample.HeapLimit = a.limit.Size
	}
	if err := a.history.Add(a.task.Call(), sample); err != nil {
		a.sayOnce(event.Notice{Kind: event.HistoryLost, Text: "The history cannot be written: " + err.Error(), Hint: roomHint})
	}
}

// versions names what runs the scripts, with its version.
func (p *prepared) versions() string {
	switch {
	case !p.isNode():
		return "go " + strings.TrimPrefix(runtime.Version(), "go")
	case p.settings == nil:
		return ""
	default:
		return "node " + p.settings.Node.Version
	}
}
