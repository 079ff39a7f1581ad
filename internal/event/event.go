// Package event is the spine of a run: a closed union of what can happen, in one
// total order. The engine emits; reporters and the recorder read. Everything
// printed, drawn or counted comes from these events. docs/events.md describes the
// recorded form for other programs.
package event

import "time"

// Format is the version of the recorded form that this package writes. Later
// versions only add event types and optional fields. Records of version 1, which
// has no such field, are still read.
const Format = 2

// Event is one thing that happened. The set is closed: the types of this package.
type Event interface{ kind() string }

// Stamped is an event with its place in the order of its run.
type Stamped struct {
	// Seq counts the events of a run from 1.
	Seq  int
	Time time.Time
	Event
}

func (RunStarted) kind() string   { return "run_started" }
func (RunPlanned) kind() string   { return "run_planned" }
func (RunFinished) kind() string  { return "run_finished" }
func (StepStarted) kind() string  { return "step_started" }
func (StepFinished) kind() string { return "step_finished" }
func (TaskQueued) kind() string   { return "task_queued" }
func (TaskStarted) kind() string  { return "task_started" }
func (TaskFinished) kind() string { return "task_finished" }
func (TaskSkipped) kind() string  { return "task_skipped" }
func (TaskKnown) kind() string    { return "task_known" }
func (Notice) kind() string       { return "notice" }
func (Memory) kind() string       { return "memory" }
func (Sample) kind() string       { return "sample" }
func (Pressure) kind() string     { return "pressure" }
func (Correction) kind() string   { return "correction" }
func (Cgroups) kind() string      { return "cgroups" }
func (GCStarted) kind() string    { return "gc_started" }
func (GCFinished) kind() string   { return "gc_finished" }
