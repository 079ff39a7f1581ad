// Package place reads the workspace around a folder, its configuration, what this machine has,
// and what earlier runs took: all that a command must know before it runs scripts. It starts no
// script, and writes nothing but the history.
package place

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/magefile/mage/mg"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Place is a workspace on this machine: what every run in it depends on.
type Place struct {
	Environ   []string
	Running   string // the tasks of other runs that this process is part of
	Dir       string // the folder in which the user started heapmage
	Workspace *workspace.Workspace
	Config    *config.Config
	// Declared is what the workspace declares about its tasks.
	Declared *declared.Model
	Labels   map[string]string // what the log calls a package, by its name
	Limits   memtools.Limits
	Mode     event.Mode
	// MaxBudget is the most that a run may use, and budgetSource what set it.
	MaxBudget    memtools.Bytes
	BudgetSource budget.Source
	// Granted is that, or less if an outer run gave less.
	Granted memtools.Bytes
	// Shared is the cache of results that machines share; nil if there is none.
	Shared *Shared
	// Undisturbed is what the budget is while other programs hold nothing.
	Undisturbed memtools.Bytes
	Notices     []event.Notice

	anywhere bool    // OpenAnywhere opened it
	cpus     float64 // of another machine; see On
}

// Open reads the workspace around a folder, its configuration and the machine's limits.
func Open(dir string, mode event.Mode) (*Place, error) {
	p, err := enter(dir, mode)
	if err != nil {
		return nil, err
	}
	if p.Workspace, err = workspace.Load(p.Dir); err != nil {
		return nil, err
	}
	if err := p.complete(); err != nil {
		return nil, err
	}
	if p.Declared, err = declared.Load(p.Workspace, p.Config); err != nil {
		return nil, err
	}
	if err := plan.CheckNames(p.Setting()); err != nil {
		return nil, err
	}
	return p, nil
}

// OpenAnywhere is Open for what only measures: a folder without a workspace that can be read is
// one without packages, and what the workspace declares of tasks is not read.
func OpenAnywhere(dir string) (*Place, error) {
	p, err := enter(dir, event.Parallel)
	if err != nil {
		return nil, err
	}
	p.anywhere, p.Declared = true, &declared.Model{}
	if p.Workspace, err = workspace.Load(p.Dir); err != nil {
		p.Workspace = workspace.Bare(p.Dir)
		what, _, _ := strings.Cut(err.Error(), "\n")
		p.Notices = append(p.Notices, event.Notice{Kind: event.WorkspaceOdd, Text: "Tasks are known by their folders alone: " + what})
	}
	return p, p.complete()
}

func enter(dir string, mode event.Mode) (*Place, error) {
	p := &Place{Environ: os.Environ(), Running: proctable.Inherited(environ.Running), Mode: cmp.Or(mode, event.Parallel)}
	var err error
	if p.Dir, err = filepath.Abs(dir); err != nil {
		return nil, &problem.Error{What: "the working folder is gone", Cause: err, Hint: "cd to the workspace and try again"}
	}
	return p, nil
}

// complete reads what is the same for any workspace.
func (p *Place) complete() (err error) {
	for _, w := range p.Workspace.Warnings {
		p.Notices = append(p.Notices, event.Notice{Kind: event.WorkspaceOdd, Text: w})
	}
	if p.Config, err = config.Load(p.Workspace.Root, p.Environ); err != nil {
		return err
	}
	if p.Shared, err = openShared(p.Config, p.Workspace.Root, p.Environ); err != nil {
		return err
	}
	p.Environ = environ.WithoutSecrets(p.Environ)
	if mg.Verbose() {
		p.Config.Output = config.OutputFull
	}
	if p.Limits, err = memtools.ReadLimits(); err != nil {
		return &problem.Error{What: "the memory of this machine cannot be read", Cause: err, Hint: "is /proc mounted?"}
	}
	p.allot()
	p.Labels = plan.Labels(p.Workspace.All())
	return nil
}

// allot decides what a run may use of the limits.
func (p *Place) allot() {
	p.MaxBudget, p.BudgetSource = budget.Max(p.Mode, budget.Setting{Size: p.Config.Budget, Variable: p.Config.BudgetVariable}, p.Limits)
	p.Granted = granted(p.Environ, p.MaxBudget)
	p.Undisturbed = budget.Now(p.Granted, 0, p.Limits.Effective)
}

// On returns the place as it would be on another machine, to plan what will run there. What the
// machine is known by stays, so that the history keeps what larger ones took.
func (p *Place) On(memory memtools.Bytes, cpus float64) *Place {
	other := *p
	other.Limits = memtools.Limits{Machine: max(p.Limits.Machine, memory), Effective: memory, EffectiveSource: "the runner's memory"}
	other.cpus = cpus
	other.allot()
	return &other
}

// Slots is how many tasks may run at once; zero means as many as the processors and
// the memory allow.
func (p *Place) Slots() int {
	if p.Mode != event.Parallel {
		return 1
	}
	declared := p.Declared.Concurrency.Value
	if own := p.Config.Concurrency; own > 0 || declared == 0 {
		return own
	}
	if declared >= (schedule.Options{CPUs: p.CPUs()}).MostAtOnce() {
		return 0 // it is no order to run so many, and no limit either
	}
	return declared
}

// Setting is what a plan is made of.
func (p *Place) Setting() plan.Setting {
	return plan.Setting{Workspace: p.Workspace, Config: p.Config, Declared: p.Declared, Folder: p.Workspace.Rel(p.Dir)}
}

// CPUs is how many processors a run may use.
func (p *Place) CPUs() float64 {
	if p.cpus > 0 {
		return p.cpus
	}
	n := float64(runtime.NumCPU())
	if p.Limits.CPUQuota > 0 {
		n = min(n, p.Limits.CPUQuota)
	}
	return n
}

// ManagerName is the workspace's package ManagerName, with its version if known.
func (p *Place) ManagerName() string {
	return strings.TrimRight(string(p.Workspace.Manager)+" "+p.Workspace.ManagerVersion, " ")
}

// IsNode reports whether the packages' scripts run under Node.
func (p *Place) IsNode() bool { return p.Workspace.Manager != workspace.Go }

// Collects reports whether to collect garbage in Node processes.
func (p *Place) Collects() bool {
	return p.IsNode() && (p.Config.GC.Auto == nil || *p.Config.GC.Auto)
}

// Describe names a task in events.
func (p *Place) Describe(t *taskgraph.Task) event.Task {
	return event.Task{ID: t.ID, Package: t.Package.Name, Label: p.Labels[t.Package.Name], Target: t.Target, Script: t.Script}
}

// HeapCeiling is the highest heap limit of a Node process.
func (p *Place) HeapCeiling() memtools.Bytes {
	return budget.HeapCeiling(p.Mode, p.Config.HeapLimit, p.Limits.Effective)
}

// Outputs are the files that a task is declared to write.
func (p *Place) Outputs(t *taskgraph.Task) outputs.Set {
	return outputs.Set{
		Root: p.Workspace.Root, Dir: filepath.Join(p.Workspace.Root, t.Package.Dir), Member: p.Workspace.IsFolder,
		Patterns: p.Declared.Task(t.Package, t.Target, t.Script).Outputs.Value,
	}
}

// WantsResults reports whether results of tasks are used and kept.
func (p *Place) WantsResults() bool {
	return p.Config.KeepsResults() && p.IsNode()
}

// Unobserved is why tasks are not observed; empty if they are.
func (p *Place) Unobserved() string {
	if p.Config.Observe == config.ObserveOff {
		return "observe: off"
	}
	if err := observe.Available(); err != nil {
		return "the system cannot: " + err.Error()
	}
	return ""
}

// Supply is the memory that a run may use now.
func (p *Place) Supply() (s budget.Supply, err error) {
	s.Max, s.Source = p.Granted, p.BudgetSource
	if p.Granted < p.MaxBudget {
		s.Source = budget.Granted(p.Granted)
	}
	s.Limits, err = memtools.ReadLimits()
	return s, err
}

// MoreRoom tells how to give the run more memory. It is empty if that cannot be told.
func (p *Place) MoreRoom(want memtools.Bytes) string {
	s, err := p.Supply()
	if err != nil {
		return ""
	}
	return s.Advice(want)
}

// granted returns what a run may use inside of a task of another run, which is what that
// run gave the task. Its heap limits keep to most: a task that runs alone may take more
// than was granted, as long as there is memory. Elsewhere it is most.
func granted(env []string, most memtools.Bytes) memtools.Bytes {
	grant, err := strconv.ParseInt(environ.Value(env, environ.Grant), 10, 64)
	if err != nil || grant <= 0 {
		return most
	}
	return min(most, memtools.Bytes(grant))
}
