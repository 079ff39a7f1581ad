package event

import (
	"cmp"
	"time"

	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/memtools"
)

// Task names one task in events.
type Task struct {
	ID      string `json:"id"`      // "core#build"
	Package string `json:"package"` // the package's name
	Label   string `json:"label"`   // its name in the log: the short name if that is unique
	Target  string `json:"target"`  // "build", "typecheck", …
	Script  string `json:"script"`  // the script that runs
}

// LabelIn names the task in the log of a run of a target: with its own target if that is
// another.
func (t Task) LabelIn(target string) string {
	label := cmp.Or(t.Label, t.ID) // a record may lack it
	if target == "" || t.Target == target {
		return label
	}
	return label + "#" + t.Target
}

// TaskQueued reports that every task that this one depends on has succeeded: it now
// waits only for memory and a processor.
type TaskQueued struct{ Task }

// The bases of a need that is guessed: no run of the task itself is known.
const (
	FromSimilar = "similar packages"
	FromNothing = "no history"
)

// TaskStarted reports that a task's first process is about to start.
type TaskStarted struct {
	Task
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
	// Need is the memory that the scheduler reserved, and Basis its source.
	Need  memtools.Bytes `json:"need"`
	Basis string         `json:"basis,omitempty"`
	// HeapLimit is V8's limit for the task's Node processes, zero if none was set.
	HeapLimit memtools.Bytes `json:"heapLimit"`
	// Usage is the usage of the whole run, against Budget. A Budget of zero means
	// that neither was measured.
	Usage  memtools.Bytes `json:"usage,omitempty"`
	Budget memtools.Bytes `json:"budget,omitempty"`
	// Because is why the result of an earlier run could not be used, such as "src/a.ts
	// changed". It is empty if there is none, or results are not kept.
	Because string `json:"because,omitempty"`
}

// TaskKnown reports that a task does not run, because its result is known and in place.
type TaskKnown struct {
	Task
	// Written is how many files were written or removed for that. Zero means that all was
	// up to date.
	Written int `json:"written,omitempty"`
	// Shared is set if the result came from the shared cache.
	Shared bool `json:"shared,omitempty"`
	// Duration, CPU and Peak are what the task took when it ran.
	Duration time.Duration  `json:"duration"`
	CPU      time.Duration  `json:"cpu"`
	Peak     memtools.Bytes `json:"peak"`
	// Log is the file that holds what it printed then, if that is to be shown.
	Log string `json:"log,omitempty"`
}

// Status is how a task ended.
type Status string

// The statuses.
const (
	Succeeded   Status = "succeeded"
	Failed      Status = "failed"
	OutOfMemory Status = "out-of-memory"
	TimedOut    Status = "timed-out"
	Stopped     Status = "stopped" // to make room for others; another attempt follows
	Interrupted Status = "interrupted"
	Outdated    Status = "outdated" // files changed meanwhile; another run follows
)

// TaskFinished ends an attempt at a task.
type TaskFinished struct {
	Task
	Attempt  int           `json:"attempt"`
	Status   Status        `json:"status"`
	Duration time.Duration `json:"duration"`
	// Frozen is the part of Duration for which the task was kept from running.
	Frozen time.Duration `json:"frozen,omitempty"`
	// PausedBefore is how long an earlier attempt was frozen that failed. This one was
	// not frozen, to see whether that was the reason.
	PausedBefore time.Duration `json:"pausedBefore,omitempty"`
	// CPU is the processor time of all its processes.
	CPU time.Duration `json:"cpu"`
	// Peak is the highest usage of the task's process tree.
	Peak memtools.Bytes `json:"peak"`
	// ExitCode is that of the script; -1 if a signal ended it.
	ExitCode int    `json:"exitCode"`
	Signal   string `json:"signal,omitempty"`
	// Cause is the class of the failure, Reason its sentence, Hint what to do.
	Cause  string `json:"cause,omitempty"`
	Reason string `json:"reason,omitempty"`
	Hint   string `json:"hint,omitempty"`
	// Curve is the task's usage over time, at equal intervals, if it ran out of memory
	// and is not tried again.
	Curve []memtools.Bytes `json:"curve,omitempty"`
	// Log is the file that holds the task's output.
	Log string `json:"log,omitempty"`
	// Excerpt are the lines of that output that tell why it failed, if it did and is not
	// tried again: at most six, short, safe to print. They are the script's words.
	Excerpt []string `json:"excerpt,omitempty"`
	// Errors are the first errors in code that the output reports, if the task failed and is not
	// tried again: at most ten. Their files are relative to the workspace's root, with "/", and
	// exist; an error without one is about none in the workspace. MoreErrors counts the others.
	Errors     []diagnostics.Finding `json:"errors,omitempty"`
	MoreErrors int                   `json:"moreErrors,omitempty"`
	// ForOthers is set if an attempt was stopped to make room for other programs, or lacked
	// memory that they held. Its peak shows nothing of what it needs.
	ForOthers bool `json:"forOthers,omitempty"`
	// Retry is set if another attempt follows.
	Retry bool `json:"retry,omitempty"`
	// Usage is what the whole run still uses, against Budget. A Budget of zero
	// means that neither was measured.
	Usage  memtools.Bytes `json:"usage,omitempty"`
	Budget memtools.Bytes `json:"budget,omitempty"`
}

// TaskSkipped reports that a task does not run.
type TaskSkipped struct {
	Task
	// Because is the failed task that it depends on, nil if the run ended first.
	Because *Task `json:"because,omitempty"`
}
