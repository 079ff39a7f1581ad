// Package engine wires everything together: it reads the workspace and the
// configuration, opens a session, runs the tasks and reports what happened. Each
// target of package mage is one call of it. All policy is elsewhere.
package engine

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/magefile/mage/mg"

	"github.com/heapmage/heapmage/internal/affected"
	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/session"
	"github.com/heapmage/heapmage/internal/sources"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Request is what a target asks for.
type Request = plan.Request

// Or returns an optional argument, or the other value if it is missing or empty.
func Or(argument *string, otherwise string) string {
	if argument != nil && *argument != "" {
		return *argument
	}
	return otherwise
}

// place is a workspace on this machine: what every run in it depends on.
type place struct {
	environ []string
	running string // the tasks of other runs that this process is part of
	dir     string // the folder in which the user started heapmage
	ws      *workspace.Workspace
	config  *config.Config
	// declared is what the workspace declares about its tasks.
	declared *declared.Model
	labels   map[string]string // what the log calls a package, by its name
	limits   memtools.Limits
	mode     event.Mode
	// maxBudget is the most that a run may use, and budgetSource what set it.
	maxBudget    memtools.Bytes
	budgetSource budget.Source
	// granted is that, or less if an outer run gave less.
	granted memtools.Bytes
	// undisturbed is what the budget is while other programs hold nothing.
	undisturbed memtools.Bytes
	notices     []event.Notice
}

// open reads the workspace around a folder, its configuration and the machine's limits.
func open(dir string, mode event.Mode) (*place, error) {
	p := &place{environ: os.Environ(), running: proctable.Inherited(environ.Running), mode: mode}
	if p.mode == "" {
		p.mode = event.Parallel
	}
	var err error
	if p.dir, err = filepath.Abs(dir); err != nil {
		return nil, &problem.Error{What: "the working folder is gone", Cause: err, Hint: "cd to the workspace and try again"}
	}
	if p.ws, err = workspace.Load(p.dir); err != nil {
		return nil, err
	}
	for _, w := range p.ws.Warnings {
		p.notices = append(p.notices, event.Notice{Kind: event.WorkspaceOdd, Text: w})
	}
	if p.config, err = config.Load(p.ws.Root, p.environ); err != nil {
		return nil, err
	}
	if mg.Verbose() {
		p.config.Output = config.OutputFull
	}
	if p.declared, err = declared.Load(p.ws, p.config); err != nil {
		return nil, err
	}
	if err := plan.CheckNames(p.setting()); err != nil {
		return nil, err
	}
	if p.limits, err = memtools.ReadLimits(); err != nil {
		return nil, &problem.Error{What: "the memory of this machine cannot be read", Cause: err, Hint: "is /proc mounted?"}
	}
	p.maxBudget, p.budgetSource = budget.Max(p.mode, budget.Setting{Size: p.config.Budget, Variable: p.config.BudgetVariable}, p.limits)
	p.granted = session.Granted(p.environ, p.maxBudget)
	p.undisturbed = budget.Now(p.granted, 0, p.limits.Effective)
	p.labels = plan.Labels(p.ws.All())
	return p, nil
}

// slots is how many tasks may run at once; zero means as many as the processors and
// the memory allow.
func (p *place) slots() int {
	if p.mode != event.Parallel {
		return 1
	}
	declared := p.declared.Concurrency.Value
	if own := p.config.Concurrency; own > 0 || declared == 0 {
		return own
	}
	if declared >= (schedule.Options{CPUs: p.cpus()}).MostAtOnce() {
		return 0 // it is no order to run so many, and no limit either
	}
	return declared
}

func (p *place) setting() plan.Setting {
	return plan.Setting{Workspace: p.ws, Config: p.config, Declared: p.declared, Folder: p.ws.Rel(p.dir)}
}

// cpus is how many processors a run may use.
func (p *place) cpus() float64 {
	n := float64(runtime.NumCPU())
	if p.limits.CPUQuota > 0 {
		n = min(n, p.limits.CPUQuota)
	}
	return n
}

// manager is the workspace's package manager, with its version if known.
func (p *place) manager() string {
	return strings.TrimRight(string(p.ws.Manager)+" "+p.ws.ManagerVersion, " ")
}

// isNode reports whether the packages' scripts run under Node.
func (p *place) isNode() bool { return p.ws.Manager != workspace.Go }

// collects reports whether to collect garbage in Node processes.
func (p *place) collects() bool {
	return p.isNode() && (p.config.GC.Auto == nil || *p.config.GC.Auto)
}

func (p *place) describe(t *taskgraph.Task) event.Task {
	return event.Task{ID: t.ID, Package: t.Package.Name, Label: p.labels[t.Package.Name], Target: t.Target, Script: t.Script}
}

// prepared is a place that is ready to run scripts: it knows how they run and what
// earlier runs took. Nothing has been started or written yet.
type prepared struct {
	*place
	settings *script.Settings
	answers  *fingerprint.Notes // of Node programs
	history  *history.Store
	sources  *sources.Sizes
	// mayExceedBudget lets a task that is known to fit have a heap limit above the
	// budget. It takes garbage collection and a scheduler that corrects.
	mayExceedBudget bool
}

// prepare reads how the packages' scripts run, and their history, which is not written
// if readOnly is set.
func (p *place) prepare(ctx context.Context, packages []*workspace.Package, readOnly bool) (*prepared, error) {
	answers := script.OpenAnswers(p.ws.Root, rundir.Name)
	settings, err := script.ReadSettings(ctx, p.ws, p.environ, p.limits.Effective, answers)
	if err != nil {
		return nil, err
	}
	p.notices = append(p.notices, settings.Notices(packages)...)
	r := &prepared{place: p, settings: settings, answers: answers}
	r.openHistory(readOnly)
	r.sources = sources.New(p.ws.Root, p.ws.All())
	if !p.wantsResults() { // else most of them may have nothing to do
		r.sources.Measure(packages)
	}
	return r, nil
}

// prepareRun plans a request and reads all that the run depends on. Every error is one
// that the user can fix. readOnly is set for what runs nothing: it then writes nothing.
// If nothing is affected, nothing is read.
func prepareRun(ctx context.Context, request Request, readOnly bool) (*prepared, *plan.Plan, error) {
	place, err := open(request.Dir, request.Mode)
	if err != nil {
		return nil, nil, err
	}
	return place.prepareRun(ctx, request, readOnly)
}

// prepareRun is the function of that name, in a place.
func (p *place) prepareRun(ctx context.Context, request Request, readOnly bool) (*prepared, *plan.Plan, error) {
	if err := p.config.SetOutput(request.Output); err != nil {
		return nil, nil, err
	}
	setting := p.setting()
	setting.Between = affected.Between(ctx, p.ws)
	if request.Since != nil {
		var err error
		if setting.Changed, err = affected.Since(ctx, p.ws, *request.Since); err != nil {
			return nil, nil, err
		}
		setting.Reads = func(graph *taskgraph.Graph) func(*workspace.Package, []string) bool {
			return p.reads(ctx, graph)
		}
	} else if request.Again != nil {
		setting.Changed = affected.After(p.ws, *request.Again)
	}
	planned, err := plan.New(request, setting)
	if err != nil {
		return nil, nil, err
	}
	p.notices = append(p.notices, planned.Notices...)
	if planned.Unaffected != "" {
		return &prepared{place: p}, planned, nil
	}
	if err := planned.CheckReentry(p.running); err != nil {
		return nil, nil, err
	}
	r, err := p.prepare(ctx, planned.Graph.Packages(), readOnly)
	if err != nil {
		return nil, nil, err
	}
	once := p.config.Retries == nil || *p.config.Retries > 0
	r.mayExceedBudget = p.mode != event.Safe && p.collects() && once
	return r, planned, nil
}

// heapRequest gathers what decides a task's heap limit, with what is known of the task.
func (p *prepared) heapRequest(t *taskgraph.Task, known estimate.Prediction) heap.Request {
	r := heap.Request{
		Budget: p.maxBudget, Young: p.settings.Node.YoungGeneration,
		Ceiling: p.heapCeiling(),
		Package: p.config.Lookup(t.Package.Keys()).HeapLimit.Of(p.limits.Effective),
		User:    p.settings.UserHeapLimit, UserSource: p.settings.UserHeapSource,
		MayExceedBudget: p.mayExceedBudget && known.Peak > 0 && known.Peak <= p.maxBudget && !known.Killed,
	}
	if known.Basis == estimate.FromHistory {
		r.Learned, r.Proven = known.Need, known.Heap
	}
	if r.User > p.maxBudget && p.running != "" {
		r.User = 0 // set by an outer heapmage, which knew what fits
	}
	return r
}

// atOnce is how many tasks may run at once.
func (p *prepared) atOnce() int {
	return schedule.Options{Slots: p.slots(), CPUs: p.cpus()}.MostAtOnce()
}
