package event

import (
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Moment is the reason for a memory line.
type Moment string

// The moments. BeforeTask and AfterTask occur only in records of format 1: since then
// the task's events have the figures.
const (
	AtStart    Moment = "start"
	BeforeTask Moment = "before-task"
	AfterTask  Moment = "after-task"
	AtTick     Moment = "tick"
)

// Memory is a line about the usage of the whole run against its budget.
type Memory struct {
	Moment Moment         `json:"moment"`
	Task   string         `json:"task,omitempty"`
	Usage  memtools.Bytes `json:"usage"`
	Budget memtools.Bytes `json:"budget"`
}

// Sample is one measurement of everything that runs.
type Sample struct {
	// Usage is that of the whole run.
	Usage memtools.Bytes `json:"usage"`
	// Budget is what the run may use at this moment: less than RunStarted.Budget
	// while others use the machine's memory.
	Budget memtools.Bytes `json:"budget"`
	// Available is what the run can still take before the kernel acts.
	Available memtools.Bytes `json:"available"`
	// Tasks are the usages of the running tasks, by ID.
	Tasks map[string]memtools.Bytes `json:"tasks,omitempty"`
}

// Pressure reports that usage crossed a threshold upward, or fell back to normal.
type Pressure struct {
	Level  memtools.Pressure `json:"level"`
	Usage  memtools.Bytes    `json:"usage"`
	Budget memtools.Bytes    `json:"budget"`
}

// Correction reports that a running task was paused or resumed, to keep the run inside
// its memory. If a task is stopped for that reason, a TaskFinished reports it.
type Correction struct {
	Task
	// Attempt counts from 1. It may be paused before its TaskStarted.
	Attempt int              `json:"attempt,omitempty"`
	Action  CorrectionAction `json:"action"`
	// Held is the memory of the task; Usage, Budget and Available are the run's.
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

// GCTrigger is the reason for a collection.
type GCTrigger string

// The triggers.
const (
	AtCritical   GCTrigger = "critical"      // usage was critical
	AtShortage   GCTrigger = "shortage"      // the run was about to exceed its memory
	BetweenTasks GCTrigger = "between-tasks" // usage was high after a package
)

// GCStarted reports that garbage is about to be collected in Node processes.
type GCStarted struct {
	Trigger   GCTrigger `json:"trigger"`
	Processes int       `json:"processes"`
}

// GCFinished reports what the collections freed.
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
	// Returned is how much its resident memory fell.
	Returned memtools.Bytes `json:"returned"`
	Duration time.Duration  `json:"duration"`
	// Error is why nothing was collected, empty if something was.
	Error string `json:"error,omitempty"`
}
