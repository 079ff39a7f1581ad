// Package declared is what a repository says about its tasks: their order, what they
// read and write, and how they run. There is one reader for each source, and one place
// where it is decided which source wins. It reads files only. Every error is a
// *problem.Error.
//
// Not all of the model is always used: environment and cache matter to a cache of results, and
// inputs to one of tasks that are not observed.
package declared

import (
	"maps"
	"runtime"
	"slices"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/runnerfile"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Setting is a value and the file that gives it. From is empty if none does.
type Setting[T any] struct {
	Value T
	From  string
}

// Set reports whether a file gives the value. An empty list may be given.
func (s Setting[T]) Set() bool { return s.From != "" }

// Task is what is declared of one task of one package.
type Task struct {
	// DependsOn are the tasks that come first: "^build", "generate", "core#build" or
	// "//#generate". It is set if any source knows the task.
	DependsOn Setting[[]string]
	// With are tasks that run too if this one does, in any order.
	With Setting[[]string]
	// Persistent is true for a task that does not end by itself.
	Persistent Setting[bool]
	// Outputs and Inputs are globs relative to the package's folder; "!" excludes.
	Outputs, Inputs Setting[[]string]
	// Reads are the files that Inputs mean.
	Reads Reads
	// Env and PassThroughEnv name the variables that the task reads. Only those of Env
	// change its result.
	Env, PassThroughEnv Setting[[]string]
	// Cache is false for a task that has to run each time.
	Cache Setting[bool]
	// Incremental is false for a task that must find nothing of what it left earlier.
	Incremental Setting[bool]
	// Passes is true if the task is known to a runner that runs what a task depends on
	// even if the package has no script for it.
	Passes bool
	// Reruns are the IDs of scripts that this task's own has run each time, also if they
	// have just run: "core#build".
	Reruns []string
}

// Ordered reports whether a file gives the order of the task.
func (t Task) Ordered() bool { return t.DependsOn.Set() && t.DependsOn.From != ByDefault }

// Model is all that is declared in a workspace.
type Model struct {
	config  *config.Config
	sources []source
	others  string // what is not read
	// Concurrency is how many tasks may run at once. Zero means that no runner's file
	// limits it.
	Concurrency Setting[int]
}

// source is a runner's file, with those of the packages.
type source interface {
	// task returns what is declared of a package's script of that name, and whether
	// anything is.
	task(pkg *workspace.Package, name string) (Task, bool)
	// excludes reports whether a package does without the task, although it has the
	// script.
	excludes(pkg *workspace.Package, name string) bool
	// rootTask reports whether a run of a task in all packages includes the root's.
	rootTask(name string) bool
	// names are the tasks that are declared for any package.
	names() []string
	// concurrency is how many tasks may run at once.
	concurrency() Setting[int]
	// global are the lines of Model.Explain.
	global() []Line
	// summary tells in one line what was read and what of it is not obeyed.
	summary() string
}

// silent is a source that says nothing of what not all files can say.
type silent struct{}

func (silent) excludes(*workspace.Package, string) bool { return false }
func (silent) rootTask(string) bool                     { return false }
func (silent) concurrency() Setting[int]                { return Setting[int]{} }
func (silent) global() []Line                           { return nil }

// Load reads all sources of a workspace. Dependencies between packages that a source
// declares beside package.json are added to the packages.
func Load(ws *workspace.Workspace, c *config.Config) (*Model, error) {
	m := &Model{config: c}
	for _, read := range []func(*workspace.Workspace) (source, error){readTurbo, readNx, readPNPM, readLage, readWireit} {
		s, err := read(ws)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		switch s := s.(type) {
		case *turbo:
			s.cached = c.KeepsResults()
		case *nx:
			s.usesInputs = c.KeepsResults() && (c.Observe == config.ObserveOff || runtime.GOOS != "linux")
		}
		m.sources = append(m.sources, s)
		if !m.Concurrency.Set() {
			m.Concurrency = s.concurrency()
		}
	}
	m.others = runnerfile.Unread(ws, slices.ContainsFunc(m.sources, func(s source) bool { _, ok := s.(*lage); return ok }))
	return m, nil
}

// Summary is one line on a source, and what to do about what is not obeyed; Hint is empty if
// nothing need be done.
type Summary struct{ Text, Hint string }

// Summaries are one for each source that is there, and one for what is not read.
func (m *Model) Summaries() (all []Summary) {
	for _, s := range m.sources {
		one := Summary{Text: s.summary()}
		if n, ok := s.(*nx); ok {
			one.Hint = n.hint()
		}
		all = append(all, one)
	}
	if m.others != "" {
		all = append(all, Summary{Text: m.others})
	}
	return all
}

// Names are the tasks that any source knows.
func (m *Model) Names() (names []string) {
	for _, s := range m.sources {
		names = append(names, s.names()...)
	}
	return names
}

// RootTask reports whether the root's task of that name runs with those of the
// packages: a source names it, as turbo.json does with "//#build".
func (m *Model) RootTask(name string) bool {
	for _, s := range m.sources {
		if s.rootTask(name) {
			return true
		}
	}
	return false
}

// Knows reports whether a runner's file declares anything of a package's script.
func (m *Model) Knows(pkg *workspace.Package, name string) bool {
	for _, s := range m.sources {
		if _, ok := s.task(pkg, name); ok {
			return true
		}
	}
	return false
}

// Excludes reports whether a package is declared to do without a task, although it has
// the script.
func (m *Model) Excludes(pkg *workspace.Package, name string) bool {
	for _, s := range m.sources {
		if s.excludes(pkg, name) {
			return true
		}
	}
	return false
}

// Task returns what holds for a target of a package. names are what its script is
// called: the one that the package has, or those that it could have. If nothing is
// declared of them, what is declared of the target's own name holds.
//
// This is the order of precedence: heapmage.yaml, each of its fields for itself; then
// the first runner's file that knows the task; then heapmage's own order; then what pnpm does
// with a task that its "tasks" do not name.
func (m *Model) Task(pkg *workspace.Package, target string, names ...string) Task {
	t := m.ofRunner(pkg, append(slices.Clip(names), target))
	own := m.config.TaskFor(pkg.Keys(), append([]string{target}, names...)...)
	if own.Outputs != nil {
		t.Outputs = Setting[[]string]{own.Outputs, config.FileName}
	}
	if own.Env != nil {
		t.Env = Setting[[]string]{own.Env, config.FileName}
	}
	if own.Cache != nil {
		t.Cache = Setting[bool]{*own.Cache, config.FileName}
	}
	if own.Incremental != nil {
		t.Incremental = Setting[bool]{*own.Incremental, config.FileName}
	}
	switch usual, usually := defaultDependsOn[target]; {
	case own.DependsOn != nil:
		t.DependsOn, t.Passes = Setting[[]string]{own.DependsOn, config.FileName}, false
	case !t.DependsOn.Set() && usually:
		t.DependsOn = Setting[[]string]{usual, ByDefault}
	case !t.DependsOn.Set() && m.declaresPNPM():
		t.DependsOn, t.Passes = Setting[[]string]{[]string{"^" + target}, pnpmFile}, true
	}
	return t
}

// ByDefault is the From of what heapmage assumes.
const ByDefault = "heapmage's default"

// ofRunner returns what the first runner's file that knows the task declares.
func (m *Model) ofRunner(pkg *workspace.Package, names []string) Task {
	for _, s := range m.sources {
		for _, name := range names {
			if t, ok := s.task(pkg, name); ok {
				return t
			}
		}
	}
	return Task{}
}

// DefaultDependsOn returns a new map with the order of the targets that holds if
// nothing is declared.
func DefaultDependsOn() map[string][]string { return maps.Clone(defaultDependsOn) }

var defaultDependsOn = map[string][]string{
	"build":     {"^build"},
	"typecheck": {"^build"},
	"test":      {"^build"},
	"bundle":    {"^build"},
	"lint":      {},
	"clean":     {},
}
