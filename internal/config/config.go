// Package config reads what a user may set: heapmage.yaml at the workspace's
// root, and HEAPMAGE_* variables. A setting that is unknown or out of range is an
// error with its line, never ignored.
package config

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/memtools"
)

// FileName is the name of the configuration file at the workspace root.
const FileName = "heapmage.yaml"

// PlanFile is what ci:matrix writes there if no file is named. Runners get it beside what is checked
// out, so it is neither a change nor an input of a task.
const PlanFile = "heapmage-plan.json"

// Config is what a user set. A zero field is not set.
type Config struct {
	// Budget is the memory that all processes of a run may use together.
	Budget memtools.Size
	// BudgetVariable is set if Budget comes from the environment.
	BudgetVariable bool
	// HeapLimit is the ceiling of V8's heap limit for each Node process.
	HeapLimit memtools.Size
	// Monitor sets the memory log.
	Monitor Monitor
	// GC sets the automatic garbage collection in Node processes.
	GC GC
	// Concurrency is how many tasks may run at once, 1 to 1000. Zero means as many
	// as processors and memory allow.
	Concurrency int
	// OnPressure is "" or "retry" (a task that has to make room is stopped and runs
	// again), or OnPressureSuspend.
	OnPressure string
	// Retries is how often a task runs again after each kind of memory failure, 0
	// to 10. Nil means once, and only if something is different then.
	Retries *int
	// KeepGoing decides whether tasks that do not depend on a failed one still
	// run. Nil means yes.
	KeepGoing *bool
	// Cgroups decides whether each task gets a cgroup of its own where one may be made.
	// Nil means yes.
	Cgroups *bool
	// Cache is "" or "off" (no results of tasks are kept), CacheOn or CacheRefresh.
	Cache string
	// Shared sets the cache of results that machines share.
	Shared Shared
	// Observe is "" or "on" (what a task reads and writes is observed where that is possible),
	// or ObserveOff.
	Observe string
	// CI is "" or "auto" (groups, annotations and the summary of a CI system are written where one
	// is detected), or CIOff.
	CI string
	// Output is what of scripts' output is printed: "" or "auto" (it depends on how many run
	// at once), or one of the constants with this beginning.
	Output string
	// View is "" or "auto" (a terminal shows the state of the run under the log), or ViewPlain.
	View string
	// Runner is "" (heapmage runs scripts itself) or RunnerPackageManager.
	Runner string
	// Tasks are settings by target, or by "package#target" with the package as in
	// Packages.
	Tasks map[string]Task
	// Packages are settings by the package's name or folder; "//" is the root.
	Packages map[string]Package
}

// Shared sets the cache of results that machines share.
type Shared struct {
	// Remote is its address. Empty means that there is none.
	Remote string
	// Write is when results are stored there: "", or a trust.Mode.
	Write string
	// Keys are those whose results are trusted, and PullKeys those whose results jobs of pull
	// requests trust among each other.
	Keys, PullKeys []signature.Public
	// Secret signs what is stored. It may be none.
	Secret signature.Secret
}

// KeepsResults reports whether results of tasks are kept. With a shared cache they are, unless that is
// switched off.
func (c *Config) KeepsResults() bool {
	return c.Cache == CacheOn || c.Cache == CacheRefresh || c.Cache == "" && c.Shared.Remote != ""
}

// RunnerPackageManager is the Runner that goes through npm, pnpm or yarn.
const RunnerPackageManager = "package-manager"

// The Cache that keeps results of tasks and puts them back, and the one that puts none back
// and keeps new ones in place of the old.
const (
	CacheOn      = "on"
	CacheRefresh = "refresh"
)

// CIOff is the CI that writes nothing for a CI system.
const CIOff = "off"

// ObserveOff is the Observe that goes by Git and by what is declared.
const ObserveOff = "off"

// ViewPlain is the View that is the log alone.
const ViewPlain = "plain"

// The Outputs other than "auto".
const (
	// OutputFull prints all of it as it comes, each line with the label of its task, and what
	// tasks printed whose results are known.
	OutputFull = "full"
	// OutputGrouped prints the same, but that of each task at once when the task has ended.
	OutputGrouped = "grouped"
	// OutputErrors prints that of tasks that fail.
	OutputErrors = "errors"
	// OutputNone prints none.
	OutputNone = "none"
)

// OutputWords are what Output can be.
var OutputWords = []string{"auto", OutputFull, OutputGrouped, OutputErrors, OutputNone}

// SetOutput sets Output by a flag, which goes before file and environment. Nil and an empty
// text mean that it is not given. The error is a *problem.Error.
func (c *Config) SetOutput(flag *string) error {
	if flag == nil || *flag == "" {
		return nil
	}
	if !slices.Contains(OutputWords, *flag) {
		return &problem.Error{Where: "-output=" + *flag, What: "is not known", Hint: nearest.Hint(*flag, OutputWords, "it can be")}
	}
	c.Output = *flag
	return nil
}

// OnPressureSuspend is the OnPressure that keeps a task that has to make room
// frozen, with its memory, until there is room again.
const OnPressureSuspend = "suspend"

// Monitor sets how memory is logged while a run lasts.
type Monitor struct {
	// Interval is the time between two memory lines, at least 100 ms. Zero means 30 s.
	Interval time.Duration
	// Warning and Critical are percentages of the budget. Zero means 75 and 90.
	Warning, Critical float64
}

// GC sets when garbage is collected in the Node processes of a run.
type GC struct {
	// Auto switches it. Nil means on.
	Auto *bool
	// Cooldown is the least time between two collections in one process, at least
	// 1 s. Zero means 30 s.
	Cooldown time.Duration
}

// Task holds the settings of a target.
type Task struct {
	// DependsOn replaces what precedes the target. Nil leaves the default.
	DependsOn []string
	// Script is the name of the package script that runs. Empty means the target's
	// own name or a synonym of it.
	Script string
	// Outputs are globs of what the task writes, relative to the package's folder.
	Outputs []string
	// Env are patterns of the environment variables that the task reads. Nil means those
	// that are declared elsewhere.
	Env []string
	// Cache decides whether the task's result is kept. Nil means what is declared elsewhere,
	// or what is usual for the target.
	Cache *bool
	// Incremental is false for a task that is to find nothing of what it left earlier, so
	// that its result does not depend on that. Nil leaves it what is there.
	Incremental *bool
	// Timeout ends a task that takes longer. Zero means no limit.
	Timeout time.Duration
}

// Package holds the settings of one package.
type Package struct {
	// HeapLimit is V8's heap limit for each Node process of the package. Unlike
	// Config.HeapLimit it is exact: it is never raised.
	HeapLimit memtools.Size
	// Need is what to reserve for each of its tasks instead of what was learned.
	Need memtools.Size
}

// Lookup returns a package's settings. keys are the names that it may have in the
// file; the first that is there counts.
func (c *Config) Lookup(keys []string) Package {
	for _, key := range keys {
		if p, ok := c.Packages[key]; ok {
			return p
		}
	}
	return Package{}
}

// TaskFor returns the settings of a task by the names that it may have in the file,
// such as those of its target and its script: each field from the first name that sets
// it, from "package#name" before "name". keys are as for Lookup.
func (c *Config) TaskFor(keys []string, names ...string) (t Task) {
	for _, name := range names {
		special, _ := ofPackage(c.Tasks, keys, name)
		t.fill(special)
		t.fill(c.Tasks[name])
	}
	return t
}

// fill sets the fields that are not set yet.
func (t *Task) fill(from Task) {
	if t.DependsOn == nil {
		t.DependsOn = from.DependsOn
	}
	if t.Outputs == nil {
		t.Outputs = from.Outputs
	}
	if t.Env == nil {
		t.Env = from.Env
	}
	if t.Cache == nil {
		t.Cache = from.Cache
	}
	if t.Incremental == nil {
		t.Incremental = from.Incremental
	}
	t.Script = cmp.Or(t.Script, from.Script)
	t.Timeout = cmp.Or(t.Timeout, from.Timeout)
}

// ofPackage returns the entry for a target of one package.
func ofPackage[T any](settings map[string]T, keys []string, target string) (found T, ok bool) {
	for _, key := range keys {
		if found, ok = settings[key+"#"+target]; ok {
			break
		}
	}
	return found, ok
}

// leastInterval is the least time between two memory lines. A shorter one would
// fill the log and cost more than the promised half per cent of a core.
const leastInterval = 100 * time.Millisecond
