package place

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/sources"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Prepared is a place that is ready to run scripts: it knows how they run and what
// earlier runs took. Nothing has been started or written yet.
type Prepared struct {
	*Place
	Settings *script.Settings
	Answers  *fingerprint.Notes // of Node programs
	History  *history.Store
	Sources  *sources.Sizes
	// MayExceedBudget lets a task that is known to fit have a heap limit above the
	// budget. It takes garbage collection and a scheduler that corrects.
	MayExceedBudget bool
}

// Prepare reads how the packages' scripts run, and their history, which is not written
// if readOnly is set.
func (p *Place) Prepare(ctx context.Context, packages []*workspace.Package, readOnly bool) (*Prepared, error) {
	answers := script.OpenAnswers(p.Workspace.Root, rundir.Name)
	settings, err := script.ReadSettings(ctx, p.Workspace, p.Environ, p.Limits.Effective, answers)
	switch {
	case err != nil && p.anywhere:
		what, _, _ := strings.Cut(err.Error(), "\n")
		p.Notices = append(p.Notices, event.Notice{Kind: event.WorkspaceOdd, Text: what})
		settings = script.NoSettings(p.Workspace)
	case err != nil:
		return nil, err
	}
	p.Notices = append(p.Notices, settings.Notices(packages)...)
	r := &Prepared{Place: p, Settings: settings, Answers: answers}
	r.openHistory(readOnly)
	r.Sources = sources.New(p.Workspace.Root, p.Workspace.All())
	if !p.WantsResults() { // else most of them may have nothing to do
		r.Sources.Measure(packages)
	}
	return r, nil
}

// HeapRequest gathers what decides a task's heap limit, with what is known of the task.
func (p *Prepared) HeapRequest(t *taskgraph.Task, known estimate.Prediction) heap.Request {
	r := heap.Request{
		Budget: p.MaxBudget, Young: p.Settings.Node.YoungGeneration,
		Ceiling: p.HeapCeiling(),
		Package: p.Config.Lookup(t.Package.Keys()).HeapLimit.Of(p.Limits.Effective),
		User:    p.Settings.UserHeapLimit, UserSource: p.Settings.UserHeapSource,
		MayExceedBudget: p.MayExceedBudget && known.Peak > 0 && known.Peak <= p.MaxBudget && !known.Killed,
	}
	if known.Basis == estimate.FromHistory {
		r.Learned, r.Proven = known.Need, known.Heap
	}
	if r.User > p.MaxBudget && p.Running != "" {
		r.User = 0 // set by an outer heapmage, which knew what fits
	}
	return r
}

// atOnce is how many tasks may run at once.
func (p *Prepared) atOnce() int {
	return schedule.Options{Slots: p.Slots(), CPUs: p.CPUs()}.MostAtOnce()
}

// openHistory reads what earlier runs took. If that fails, every task counts as new and
// nothing is added.
func (p *Prepared) openHistory(readOnly bool) {
	var err error
	if p.History, err = history.Open(rundir.HistoryFile(p.Workspace.Root), history.Options{ReadOnly: readOnly, Machine: p.Limits.Machine}); err != nil {
		p.Notices = append(p.Notices, event.Notice{Kind: event.HistoryLost, Text: err.Error(), Hint: "make it readable, or remove it"})
		return
	}
	if n := p.History.Damaged(); n > 0 {
		text, were := fmt.Sprintf("%d lines of the history could not be read", n), "were"
		if n == 1 {
			text, were = "1 line of the history could not be read", "was"
		}
		if !readOnly {
			text += " and " + were + " set aside in " + rundir.History + ".damaged"
		}
		p.Notices = append(p.Notices, event.Notice{Kind: event.StateDamaged, Text: text})
	}
}

// tool names the programs that a task's script runs.
func (p *Prepared) tool(t *taskgraph.Task) string {
	return scripttext.Tool(t.Package.Scripts[t.Script])
}

// Predict estimates what a task will need. size is that of its package's sources; zero means
// unknown.
func (p *Prepared) Predict(t *taskgraph.Task, size memtools.Bytes) estimate.Prediction {
	return p.History.Predict(estimate.Question{
		Task: t.Call(), Tool: p.tool(t), Sources: size, HeapLimit: heap.For(p.HeapRequest(t, estimate.Prediction{})).Size,
		Budget: p.MaxBudget, Configured: p.Config.Lookup(t.Package.Keys()).Need.Of(p.Limits.Effective),
	})
}

// Versions names what runs the scripts, with its version.
func (p *Prepared) Versions() string {
	switch {
	case !p.IsNode():
		return "go " + strings.TrimPrefix(runtime.Version(), "go")
	case p.Settings == nil:
		return ""
	default:
		return "node " + p.Settings.Node.Version
	}
}

// NodeTerms are what the Node processes of an attempt get.
type NodeTerms struct {
	Limit   heap.Limit
	Flag    bool // they are given the limit
	Agent   bool // they can be looked into
	Preload bool // something is preloaded into them
}

// ChooseHeap decides what Node processes of an attempt get, given what is known of its task and
// how earlier attempts ended. Nothing is preloaded unless mayPreload is set.
func (p *Prepared) ChooseHeap(r *heap.Request, known estimate.Prediction, before []schedule.Outcome, mayPreload bool) (n NodeTerms) {
	r.MayExceedBudget = r.MayExceedBudget && mayPreload // without the agent no garbage is collected
	n.Limit = heap.Next(*r, before)
	n.Agent = mayPreload && (n.Limit.Size > p.MaxBudget || heap.WantsAgent(heap.Learned(known), p.atOnce(), p.MaxBudget))
	nodes := heap.NodeDefault(p.Limits.Effective)
	n.Flag = n.Limit.Set && (n.Agent || len(before) > 0 || !n.Limit.Unneeded(nodes, p.MaxBudget))
	if n.Limit.Set && !n.Flag {
		n.Limit.Size = nodes
	}
	n.Preload = mayPreload && (n.Agent || n.Flag)
	return n
}

// Remember adds an attempt at a task to the history, if it shows something of it. need is what
// was reserved, and limit V8's heap limit, zero if unknown.
func (p *Prepared) Remember(t *taskgraph.Task, f event.TaskFinished, need, limit memtools.Bytes) error {
	sample, ok := estimate.Observed(f, need)
	if !ok {
		return nil
	}
	sample.Time, sample.Tool, sample.Versions, sample.HeapLimit = time.Now(), p.tool(t), p.Versions(), limit
	// The script may have generated sources, which the next run will find.
	sample.Sources = max(p.Sources.Of(t.Package), p.Sources.Now(t.Package))
	return p.History.Add(t.Call(), sample)
}
