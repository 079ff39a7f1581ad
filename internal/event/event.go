// Package event is the spine of a run: a closed union of what can happen, in
// one total order. The engine emits; reporters and the recorder read. What is
// printed, drawn or counted comes from these events and from nothing else.
package event

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Event is one thing that happened. The set is closed: the types of this file.
type Event interface{ kind() string }

// Stamped is an event with its place in the order of its run.
type Stamped struct {
	Seq  int
	Time time.Time
	Event
}

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
	Run    string `json:"run"`
	Target string `json:"target"`
	Mode   Mode   `json:"mode"`
	Root   string `json:"root"`
	// Manager is the workspace's package manager with its version, where known.
	Manager string `json:"manager"`
	Tasks   int    `json:"tasks"`
	// Budget is what the run may use; BudgetSource says what set it.
	Budget       memtools.Bytes `json:"budget"`
	BudgetSource string         `json:"budgetSource"`
	// HeapLimit is V8's limit for each Node process, zero where none is set.
	HeapLimit memtools.Bytes `json:"heapLimit"`
}

// Moment says why a memory line was taken.
type Moment string

// The moments.
const (
	AtStart    Moment = "start"
	BeforeTask Moment = "before-task"
	AfterTask  Moment = "after-task"
	AtTick     Moment = "tick"
)

// Memory is the usage of the whole run against its budget.
type Memory struct {
	Moment Moment         `json:"moment"`
	Task   string         `json:"task,omitempty"`
	Usage  memtools.Bytes `json:"usage"`
	Budget memtools.Bytes `json:"budget"`
}

// NoticeKind says what a Notice is about.
type NoticeKind string

// The kinds of notice.
const (
	ShortMemory    NoticeKind = "short-memory"    // less is free than the run may need
	HeapClamped    NoticeKind = "heap-clamped"    // a heap limit did not fit and was lowered
	OptionsMerged  NoticeKind = "options-merged"  // node-options of a settings file were merged
	WorkspaceOdd   NoticeKind = "workspace-odd"   // an oddity of the workspace was passed over
	CycleBroken    NoticeKind = "cycle-broken"    // a dependency was left out to break a cycle
	HeapRaised     NoticeKind = "heap-raised"     // a heap limit of the user is known to be too small
	HistoryLost    NoticeKind = "history-lost"    // what a task took cannot be remembered
	RootFallback   NoticeKind = "root-fallback"   // no member has the script; the root's runs
	RootLeftOut    NoticeKind = "root-left-out"   // few members have the script; the root's does not run
	Retrying       NoticeKind = "retrying"        // a task is tried again
	StateDamaged   NoticeKind = "state-damaged"   // a file of .heapmage was set aside
	StillRunning   NoticeKind = "still-running"   // a script looks as if it never ends
	GCUnavailable  NoticeKind = "gc-unavailable"  // Node processes cannot be looked into
	OwnOptions     NoticeKind = "own-options"     // a script sets Node's options itself
	StateUnwritten NoticeKind = "state-unwritten" // .heapmage cannot be written
)

// Notice is one line that the user should know and that stops nothing.
type Notice struct {
	Kind NoticeKind `json:"kind"`
	Task string     `json:"task,omitempty"`
	Text string     `json:"text"`
	// Hint says what to do; empty where nothing need be done.
	Hint string `json:"hint,omitempty"`
}

// StepStarted and StepFinished enclose what a run does before its tasks, such
// as installing dependencies.
type StepStarted struct {
	Step    string `json:"step"`
	Command string `json:"command"`
	Reason  string `json:"reason"`
}

// StepFinished ends what StepStarted began.
type StepFinished struct {
	Step     string        `json:"step"`
	Duration time.Duration `json:"duration"`
	// Reason is why it failed, empty where it did not.
	Reason string `json:"reason,omitempty"`
	Log    string `json:"log,omitempty"`
}

// Task names one task in events.
type Task struct {
	ID      string `json:"id"`      // "core#build"
	Package string `json:"package"` // the package's name
	Label   string `json:"label"`   // what the log calls it: the short name where it is unique
	Target  string `json:"target"`  // "build", "typecheck", …
	Script  string `json:"script"`  // the script that runs
}

// TaskStarted says that a task's first process is about to start.
type TaskStarted struct {
	Task
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
	// Need is what the scheduler reserved, and Basis what that rests on.
	Need  memtools.Bytes `json:"need"`
	Basis string         `json:"basis,omitempty"`
	// HeapLimit is V8's limit for the task's Node processes, zero where none was set.
	HeapLimit memtools.Bytes `json:"heapLimit"`
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
)

// TaskFinished ends an attempt of a task.
type TaskFinished struct {
	Task
	Attempt  int           `json:"attempt"`
	Status   Status        `json:"status"`
	Duration time.Duration `json:"duration"`
	// Frozen is the part of Duration for which it was kept from running.
	Frozen time.Duration `json:"frozen,omitempty"`
	// CPU is the processor time of all its processes that were waited for.
	CPU time.Duration `json:"cpu"`
	// Peak is the highest usage of the task's process tree.
	Peak memtools.Bytes `json:"peak"`
	// ExitCode is that of the script; -1 where a signal ended it.
	ExitCode int    `json:"exitCode"`
	Signal   string `json:"signal,omitempty"`
	// Cause is the class of the failure, Reason its sentence, Hint what to do.
	Cause  string `json:"cause,omitempty"`
	Reason string `json:"reason,omitempty"`
	Hint   string `json:"hint,omitempty"`
	// Curve is its usage over time, at equal distances, where memory ended it for good.
	Curve []memtools.Bytes `json:"curve,omitempty"`
	// Log is the file that holds the task's output.
	Log string `json:"log,omitempty"`
	// Retry is set where another attempt follows.
	Retry bool `json:"retry,omitempty"`
}

// TaskSkipped says that a task was not run.
type TaskSkipped struct {
	Task
	// Because is the failed task that it depends on, nil where the run ended first.
	Because *Task `json:"because,omitempty"`
}

// Correction says that a running task was paused or may go on, to keep the run
// inside its memory. A task that was stopped for that is a TaskFinished.
type Correction struct {
	Task
	Action CorrectionAction `json:"action"`
	// Held is what the task holds; Usage, Budget and Available are the run's.
	Held      memtools.Bytes `json:"held"`
	Usage     memtools.Bytes `json:"usage"`
	Budget    memtools.Bytes `json:"budget"`
	Available memtools.Bytes `json:"available"`
}

// CorrectionAction is what a Correction did.
type CorrectionAction string

// The actions.
const (
	Paused  CorrectionAction = "paused"
	Resumed CorrectionAction = "resumed"
)

// Pressure says that usage crossed a threshold upward, or fell back to normal.
type Pressure struct {
	Level  memtools.Pressure `json:"level"`
	Usage  memtools.Bytes    `json:"usage"`
	Budget memtools.Bytes    `json:"budget"`
}

// GCTrigger says what asked for a collection.
type GCTrigger string

// The triggers.
const (
	AtCritical   GCTrigger = "critical"      // usage was critical
	AtShortage   GCTrigger = "shortage"      // the run was about to pass its memory
	BetweenTasks GCTrigger = "between-tasks" // usage was high after a package
)

// GCStarted says that garbage is about to be collected in Node processes.
type GCStarted struct {
	Trigger   GCTrigger `json:"trigger"`
	Processes int       `json:"processes"`
}

// GCFinished says what the collections gave back.
type GCFinished struct {
	// Freed is what the heaps gave back, as V8 counts: used before less used after.
	Freed     memtools.Bytes `json:"freed"`
	Duration  time.Duration  `json:"duration"`
	Processes []GCProcess    `json:"processes"`
	// Usage is that of the whole run once the pages were given back.
	Usage  memtools.Bytes `json:"usage"`
	Budget memtools.Bytes `json:"budget"`
}

// GCProcess is the collection in one Node process.
type GCProcess struct {
	PID    int            `json:"pid"`
	Task   string         `json:"task,omitempty"`
	Script string         `json:"script,omitempty"`
	Before memtools.Bytes `json:"before"`
	After  memtools.Bytes `json:"after"`
	// Returned is by how much its resident memory fell.
	Returned memtools.Bytes `json:"returned"`
	Duration time.Duration  `json:"duration"`
	// Error is why nothing was collected, empty where it was.
	Error string `json:"error,omitempty"`
}

// RunFinished is the last event of a run.
type RunFinished struct {
	Target string `json:"target"`
	// Succeeded, Failed and Skipped count tasks.
	Succeeded int           `json:"succeeded"`
	Failed    int           `json:"failed"`
	Skipped   int           `json:"skipped"`
	Duration  time.Duration `json:"duration"`
	// Peak is the highest usage of the whole run.
	Peak memtools.Bytes `json:"peak"`
	// Usage is what is still in use.
	Usage  memtools.Bytes `json:"usage"`
	Budget memtools.Bytes `json:"budget"`
	// Tasks is how long the tasks took from the first start to the last end.
	Tasks time.Duration `json:"tasks"`
	// Bound is what no order of the same tasks could be faster than, and BoundBy
	// what sets it: "processors", "memory" or "order".
	Bound   time.Duration `json:"bound"`
	BoundBy string        `json:"boundBy,omitempty"`
	// Serial is about what the tasks that succeeded would have taken one after
	// the other: of each the shorter of its duration, which waiting for a
	// processor beside others makes longer, and its processor time.
	Serial time.Duration `json:"serial"`
	// Retries counts further attempts, Pauses the tasks that had to wait in the
	// middle, and Collections the garbage collections.
	Retries     int `json:"retries"`
	Pauses      int `json:"pauses"`
	Collections int `json:"collections"`
	// Unused is what was reserved and not used, on average.
	Unused memtools.Bytes `json:"unused"`
	// ExitCode is the exit code of the run; Reason says why it is not zero.
	ExitCode int    `json:"exitCode"`
	Reason   string `json:"reason,omitempty"`
}

func (RunStarted) kind() string   { return "run_started" }
func (Memory) kind() string       { return "memory" }
func (Notice) kind() string       { return "notice" }
func (StepStarted) kind() string  { return "step_started" }
func (StepFinished) kind() string { return "step_finished" }
func (TaskStarted) kind() string  { return "task_started" }
func (TaskFinished) kind() string { return "task_finished" }
func (TaskSkipped) kind() string  { return "task_skipped" }
func (Pressure) kind() string     { return "pressure" }
func (Correction) kind() string   { return "correction" }
func (GCStarted) kind() string    { return "gc_started" }
func (GCFinished) kind() string   { return "gc_finished" }
func (RunFinished) kind() string  { return "run_finished" }
