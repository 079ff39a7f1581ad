package event

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Mode is how a run treats memory.
type Mode string

// The modes.
const (
	Parallel Mode = "parallel" // as many packages at once as the budget allows
	Managed  Mode = "managed"  // one package at a time
	Safe     Mode = "safe"     // one package at a time, with every protection
)

// RunStarted is the first event of a run.
type RunStarted struct {
	// Format is the version of the record. Decode sets it for version 1, which lacks it.
	Format int    `json:"format,omitempty"`
	Run    string `json:"run"`
	Target string `json:"target"`
	Mode   Mode   `json:"mode"`
	Root   string `json:"root"`
	// Manager is the workspace's package manager, with its version if known.
	Manager string `json:"manager"`
	// Tasks is the number of tasks that were planned.
	Tasks int `json:"tasks"`
	// Budget is the most that the run may use; BudgetSource names what set it.
	Budget       memtools.Bytes `json:"budget"`
	BudgetSource string         `json:"budgetSource"`
	// HeapLimit is the ceiling of V8's limit for each Node process, zero if none is set.
	HeapLimit memtools.Bytes `json:"heapLimit"`
	// CPUs is the number of processors that the run may use.
	CPUs float64 `json:"cpus,omitempty"`
	// Foreign is set if another task runner chooses the order of the tasks: which of them wait
	// for which is not known.
	Foreign bool `json:"foreign,omitempty"`
	// Concurrency is how many tasks may run at once. Zero means as many as fit.
	Concurrency int `json:"concurrency,omitempty"`
}

// Cgroups tells whether the tasks have cgroups of their own. A run whose configuration
// wants none lacks it.
type Cgroups struct {
	// Folder is the folder of the cgroup that holds them, empty if there is none.
	Folder string `json:"folder,omitempty"`
	// Reason is why there is none.
	Reason string `json:"reason,omitempty"`
}

// RunPlanned lists the tasks of a run, each after the tasks that it waits for. A
// plan of many tasks is spread over several such events.
type RunPlanned struct {
	Tasks []PlannedTask `json:"tasks"`
}

// PlannedTask is a task before it runs.
type PlannedTask struct {
	Task
	// After are the IDs of the tasks that must end first.
	After []string `json:"after,omitempty"`
	// Args follow the command line of its script.
	Args []string `json:"args,omitempty"`
	// Need is the memory to reserve, as far as known before the run.
	Need memtools.Bytes `json:"need"`
	// Length is the expected duration, zero if unknown.
	Length time.Duration `json:"length,omitempty"`
	// Cores is how many processors it is expected to keep busy on average, zero if unknown.
	Cores float64 `json:"cores,omitempty"`
}

// StepStarted and StepFinished enclose what a run does before its tasks, such as
// installing dependencies.
type StepStarted struct {
	Step    string `json:"step"`
	Command string `json:"command"`
	Reason  string `json:"reason"`
}

// StepFinished ends what StepStarted began.
type StepFinished struct {
	Step     string        `json:"step"`
	Duration time.Duration `json:"duration"`
	// Reason is why it failed, empty if it succeeded.
	Reason string `json:"reason,omitempty"`
	Log    string `json:"log,omitempty"`
}

// RunFinished is the last event of a run. Its figures are the tally of the events
// before it, repeated for readers that do not add up.
type RunFinished struct {
	Target string `json:"target"`
	// Succeeded, Failed and Skipped count tasks. Those of Known are part of Succeeded: their
	// results were known, and Saved is how long they took when they ran.
	Succeeded int           `json:"succeeded"`
	Known     int           `json:"known,omitempty"`
	Saved     time.Duration `json:"saved,omitempty"`
	Failed    int           `json:"failed"`
	Skipped   int           `json:"skipped"`
	// Duration is that of the run without the installation of dependencies.
	Duration time.Duration `json:"duration"`
	// Peak is the highest usage of the whole run.
	Peak memtools.Bytes `json:"peak"`
	// Usage is what is still in use.
	Usage  memtools.Bytes `json:"usage"`
	Budget memtools.Bytes `json:"budget"`
	// Tasks is the time from the first task's start to the last one's end.
	Tasks time.Duration `json:"tasks"`
	// Bound is a lower bound for Tasks, whatever the order of the same tasks, and
	// BoundBy what sets it: "processors", "memory", "order" or "concurrency" (of which 1 is
	// "serial"). It is zero if it would tell nothing: a task failed or did not run, or one
	// ran whose memory was not known from earlier runs.
	Bound   time.Duration `json:"bound"`
	BoundBy string        `json:"boundBy,omitempty"`
	// Serial estimates the sequential run time: min(duration, CPU) summed over the
	// tasks that succeeded.
	Serial time.Duration `json:"serial"`
	// Retries counts further attempts, Pauses the times a task was frozen, and
	// Collections the garbage collections.
	Retries     int `json:"retries"`
	Pauses      int `json:"pauses"`
	Collections int `json:"collections"`
	// Unused is the memory that was reserved for tasks known from earlier runs but not used,
	// on average over the time for which another task waited for memory. It is zero if none
	// did.
	Unused memtools.Bytes `json:"unused"`
	// ExitCode is the exit code of the run; Reason explains one that is not zero.
	ExitCode int    `json:"exitCode"`
	Reason   string `json:"reason,omitempty"`
	// Outdated is true if it was ended because files changed. Another run follows.
	Outdated bool `json:"outdated,omitempty"`
}
