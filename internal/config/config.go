// Package config reads what a user may set: heapmage.yaml at the workspace
// root, HEAPMAGE_* variables, and the task order that a turbo.json declares. A
// setting that is not known or does not fit is an error with its line, never
// passed over.
package config

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// FileName is the name of the configuration file at the workspace root.
const FileName = "heapmage.yaml"

// Config is what a user set. A zero field was not set.
type Config struct {
	// Budget is what all processes of a run may use together.
	Budget memtools.Size
	// HeapLimit is the ceiling of V8's heap limit for each Node process.
	HeapLimit memtools.Size
	// Monitor sets the memory log.
	Monitor Monitor
	// GC sets the automatic garbage collection in Node processes.
	GC GC
	// Concurrency is how many tasks may run at once. Zero means as many as the
	// processors and the memory bear.
	Concurrency int
	// OnPressure is "" (a task that has to make room is stopped and runs again)
	// or OnPressureSuspend.
	OnPressure string
	// Retries is how often a task is tried again after each kind of memory failure.
	// Nil means once, and only where something is different then.
	Retries *int
	// KeepGoing says whether what does not depend on a failed task still runs; nil means yes.
	KeepGoing *bool
	// Runner is "" (heapmage runs scripts itself) or RunnerPackageManager.
	Runner string
	// Tasks are settings by target, or by "package#target", where the package is
	// written as in Packages.
	Tasks map[string]Task
	// Declared is what precedes each task by the repository's turbo.json; Tasks go first.
	Declared map[string][]string
	// DeclaredOutputs are the outputs of each task by turbo.json; those of Tasks go first.
	DeclaredOutputs map[string][]string
	// Packages are settings by package name, or by the package's folder; "//" is
	// the root.
	Packages map[string]Package
}

// RunnerPackageManager is the Runner that goes through npm, pnpm or yarn.
const RunnerPackageManager = "package-manager"

// OnPressureSuspend is the OnPressure that keeps a task that has to make room
// frozen, with its memory, until there is room again.
const OnPressureSuspend = "suspend"

// Monitor sets how memory is logged while a run lasts.
type Monitor struct {
	// Interval is the time between two memory lines. Zero means 30 s.
	Interval time.Duration
	// Warning and Critical are shares of the budget in percent. Zero means 75 and 90.
	Warning, Critical float64
}

// GC sets when garbage is collected in the Node processes of a run.
type GC struct {
	// Auto switches it; nil means on.
	Auto *bool
	// Cooldown is the least time between two collections in one process. Zero means 30 s.
	Cooldown time.Duration
}

// Task holds the settings of a target.
type Task struct {
	// DependsOn replaces what precedes the target; nil leaves the default.
	DependsOn []string
	// Script is the name of the package script that runs, where it is not the target's.
	Script string
	// Outputs are globs, from the package's folder, of what the task writes.
	Outputs []string
	// Timeout ends a task that takes longer. Zero means none.
	Timeout time.Duration
}

// Package holds the settings of one package.
type Package struct {
	// HeapLimit is V8's heap limit for each Node process of the package. It is
	// an order, not a ceiling: it is never raised.
	HeapLimit memtools.Size
	// Need is what to reserve for each of its tasks, in the place of what was learned.
	Need memtools.Size
}

// Lookup finds a package's settings by what it may be called, best first.
func (c *Config) Lookup(keys []string) Package {
	for _, key := range keys {
		if p, ok := c.Packages[key]; ok {
			return p
		}
	}
	return Package{}
}

// TaskFor returns the settings that hold for a task: those of "package#target"
// field by field before those of the target. The keys are what the package may
// be called, best first.
func (c *Config) TaskFor(keys []string, target string) Task {
	t := c.Tasks[target]
	if t.Outputs == nil {
		t.Outputs = c.DeclaredOutputs[target]
		if declared, ok := ofPackage(c.DeclaredOutputs, keys, target); ok {
			t.Outputs = declared
		}
	}
	special, _ := ofPackage(c.Tasks, keys, target)
	if special.DependsOn != nil {
		t.DependsOn = special.DependsOn
	}
	if special.Script != "" {
		t.Script = special.Script
	}
	if special.Outputs != nil {
		t.Outputs = special.Outputs
	}
	if special.Timeout != 0 {
		t.Timeout = special.Timeout
	}
	return t
}

// ofPackage finds what stands for a target of one package.
func ofPackage[T any](settings map[string]T, keys []string, target string) (found T, ok bool) {
	for _, key := range keys {
		if found, ok = settings[key+"#"+target]; ok {
			break
		}
	}
	return found, ok
}

// leastInterval is the shortest time between two memory lines: a shorter one
// would fill the log and cost more than the half per cent of a core that is promised.
const leastInterval = 100 * time.Millisecond
