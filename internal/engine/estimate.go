package engine

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/sources"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// historyFile is the file of a workspace's history.
func historyFile(root string) string { return filepath.Join(root, stateDir, "history.jsonl") }

// openHistory reads what earlier runs took. If it cannot be read, every task is
// new, and nothing is remembered.
func (p *prepared) openHistory() {
	var err error
	if p.history, err = history.Open(historyFile(p.ws.Root)); err != nil {
		p.notices = append(p.notices, event.Notice{Kind: event.HistoryLost, Text: err.Error(), Hint: "make it readable, or remove it"})
		return
	}
	if n := p.history.Damaged(); n > 0 {
		p.notices = append(p.notices, event.Notice{Kind: event.StateDamaged,
			Text: fmt.Sprintf("%d lines of the history could not be read and were set aside in %s/history.jsonl.damaged", n, stateDir)})
	}
}

// measureSources takes the size of the sources of packages.
func (p *prepared) measureSources(packages []*workspace.Package) {
	p.sources = sources.Measure(p.ws.Root, p.everyPackage(), packages)
}

// tool names the programs of a task's script.
func (p *prepared) tool(t *taskgraph.Task) string {
	return estimate.Tool(t.Package.Scripts[t.Script])
}

// predict answers what a task will probably need.
func (p *prepared) predict(t *taskgraph.Task) estimate.Prediction {
	return p.history.Predict(estimate.Question{
		Task: t.ID, Tool: p.tool(t), Sources: p.sources.Of(t.Package), HeapLimit: heapFor(p.heapRequest(t, estimate.Prediction{})).Limit,
		Budget: p.budget, Configured: p.config.Lookup(t.Package.Keys()).Need.Of(p.limits.Effective),
	})
}

func (p *prepared) estimate(t *taskgraph.Task) schedule.Estimate {
	known := p.predict(t)
	return schedule.Estimate{Need: known.Need, Length: known.Length, Cores: known.Cores}
}

// remember adds an attempt to the history. An attempt with further arguments does
// not predict one without them.
func (r *run) remember(t unit, g schedule.Grant, h heap, f event.TaskFinished) {
	sample, ok := estimate.Observed(f, g.Need)
	if !ok || len(t.args) > 0 {
		return
	}
	sample.Time, sample.Tool, sample.Versions = time.Now(), r.tool(t.Task), r.versions()
	// The script may have written sources, which are there the next time.
	sample.Sources = max(r.sources.Of(t.Package), r.sources.Now(t.Package))
	if r.ws.Manager != workspace.Go {
		sample.HeapLimit = h.Limit
	}
	if err := r.history.Add(t.ID, sample); err != nil {
		r.sayOnce(event.Notice{Kind: event.HistoryLost, Text: "What the tasks take cannot be remembered: " + err.Error(), Hint: "make " + stateDir + " writable"})
	}
}

// versions names what runs the scripts.
func (p *prepared) versions() string {
	switch {
	case p.ws.Manager == workspace.Go:
		return "go " + strings.TrimPrefix(runtime.Version(), "go")
	case p.settings == nil:
		return ""
	default:
		return "node " + p.settings.Node.Version
	}
}
