// Package engine is the one place that wires everything together: it reads the
// workspace and the configuration, decides the limits, runs the tasks, and has
// the reporters tell what happened.
package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/sources"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// prepared is a request that was checked and is ready to run: nothing in it was
// started or written yet.
type prepared struct {
	Request
	environ      []string
	ws           *workspace.Workspace
	config       *config.Config
	graph        *taskgraph.Graph
	labels       map[string]string // what the log calls a package, by its name
	settings     *script.Settings
	dir          string // where the user started heapmage
	limits       memtools.Limits
	budget       memtools.Bytes
	budgetSource string
	notices      []event.Notice
	// history is what earlier runs took; nil if it cannot be read.
	history *history.Store
	sources *sources.Sizes // before the run
	// ample says that a heap limit may be above the budget where a task is known to
	// fit: garbage can be collected, and a scheduler corrects what goes wrong.
	ample bool
}

// open reads the workspace, its configuration and the machine's limits.
func open(r Request) (*prepared, error) {
	p := &prepared{Request: r, environ: os.Environ()}
	if p.Mode == "" {
		p.Mode = event.Parallel
	}
	var err error
	if p.dir, err = filepath.Abs(r.Dir); err != nil {
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
	if err := p.checkNames(); err != nil {
		return nil, err
	}
	if p.limits, err = memtools.ReadLimits(); err != nil {
		return nil, &problem.Error{What: "the memory of this machine cannot be read", Cause: err, Hint: "is /proc mounted?"}
	}
	p.budget, p.budgetSource = budgetFor(p.Mode, p.config, p.limits)
	p.labels = labels(p.everyPackage())
	return p, nil
}

// prepare reads all that a run depends on. Every error of it is one that the
// user can mend.
func prepare(ctx context.Context, r Request) (*prepared, error) {
	p, err := open(r)
	if err != nil {
		return nil, err
	}
	if p.graph, err = p.tasks(); err != nil {
		return nil, err
	}
	if err := p.checkReentry(); err != nil {
		return nil, err
	}
	if err := p.readSettings(ctx); err != nil {
		return nil, err
	}
	p.openHistory()
	p.measureSources(p.graph.Packages())
	p.ample = p.Mode != event.Safe && p.collects() && p.retries() > 0
	return p, nil
}

// readSettings reads how scripts are to run.
func (p *prepared) readSettings(ctx context.Context) (err error) {
	if p.settings, err = script.ReadSettings(ctx, p.ws, p.environ, p.limits.Effective); err != nil {
		return err
	}
	if from := p.settings.MergedFrom; from != "" {
		p.notices = append(p.notices, event.Notice{Kind: event.OptionsMerged,
			Text: "The node options of " + from + " are merged into NODE_OPTIONS"})
	}
	return nil
}

// checkNames refuses settings for packages and tasks that are not there.
func (p *prepared) checkNames() error {
	packages, names, scripts := map[string]bool{}, []string{}, taskgraph.DefaultDependsOn()
	for _, pkg := range p.everyPackage() {
		for _, key := range pkg.Keys() {
			packages[key] = true
		}
		names = append(names, pkg.Name)
		for script := range pkg.Scripts {
			scripts[script] = nil
		}
	}
	unknown := func(where, what, name string, known []string) error {
		return &problem.Error{Where: config.FileName, What: fmt.Sprintf("%s: no %s is called %q", where, what, name),
			Hint: nearest.Hint(name, known, "there are")}
	}
	for name := range p.config.Packages {
		if !packages[name] {
			return unknown("packages", "package", name, names)
		}
	}
	for key, t := range p.config.Tasks {
		target := key
		if at := strings.LastIndex(key, "#"); at >= 0 {
			if name := key[:at]; !packages[name] {
				return unknown("tasks", "package", name, names)
			}
			target = key[at+1:]
		}
		if _, ok := scripts[target]; !ok && t.Script == "" {
			return unknown("tasks", "script", target, slices.Sorted(maps.Keys(scripts)))
		}
	}
	return nil
}

// everyPackage is all members, and the root where it is none of them.
func (p *prepared) everyPackage() []*workspace.Package {
	if p.ws.RootPackage == nil || slices.Contains(p.ws.Packages, p.ws.RootPackage) {
		return p.ws.Packages
	}
	return append(slices.Clone(p.ws.Packages), p.ws.RootPackage)
}

// checkReentry refuses a run inside of a task that the run itself holds: a
// build script that calls "mage build" would start itself without end.
func (p *prepared) checkReentry() error {
	for _, running := range strings.Split(env(p.environ, config.EnvRunning), "\n") {
		root, id, ok := strings.Cut(running, "\t")
		if !ok || root != p.ws.Root {
			continue
		}
		for _, t := range p.graph.Tasks {
			if t.ID == id {
				return &problem.Error{Where: id, What: "its script starts heapmage, which would run the same script again",
					Hint: "have the script call the compiler itself, or take it out of heapmage's run with -workspace"}
			}
		}
	}
	return nil
}

// labels gives each package the shortest name that is its own: "core" for
// "@acme/core" where no other package ends in it. A root without a name is
// "root", not ".".
func labels(packages []*workspace.Package) map[string]string {
	short := func(name string) string {
		if name == "." {
			return "root"
		}
		return name[strings.LastIndex(name, "/")+1:]
	}
	count := map[string]int{}
	for _, p := range packages {
		count[short(p.Name)]++
	}
	names := map[string]string{}
	for _, p := range packages {
		names[p.Name] = p.Name
		if s := short(p.Name); count[s] == 1 {
			names[p.Name] = s
		}
	}
	return names
}

func (p *prepared) describe(t *taskgraph.Task) event.Task {
	return event.Task{ID: t.ID, Package: t.Package.Name, Label: p.labels[t.Package.Name], Target: t.Target, Script: t.Script}
}

// env is the value of a variable in an environment, the last one given.
func env(environ []string, name string) string {
	for _, entry := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
