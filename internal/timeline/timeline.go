// Package timeline reads the record of a run into what happened when: the attempts and waits
// of each task, the usage of memory over time, and what was done about it. It reads once, in
// order, and keeps a bounded number of samples, so that the record of a day takes a few MB.
//
// A record may be cut short, damaged or of version 1: what can be read is there. Times never
// go back, and no figure is negative, whatever the record says. Names and texts are as in
// the record: whoever shows them escapes them.
package timeline

import (
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// Timeline is a run, as its record tells it.
type Timeline struct {
	Run event.RunStarted
	// Start and End are the times of the first and the last event.
	Start, End time.Time
	// Ended is false if the record has no end: the run was killed, or still lasts.
	Ended bool
	// Damage is why the record could be read only in part, empty if all was read. A last line that
	// was cut short is no damage.
	Damage string
	// Totals are those of the run's end, or what the events up to End amount to.
	Totals event.RunFinished

	// Tasks are in the order of the plan, those that it lacks at the end.
	Tasks []*Task
	Steps []Step
	// Samples are the measurements, in the order of time: at most MostSamples.
	Samples     []Sample
	Collections []Collection
	Pressures   []Pressure
	Notices     []Notice
}

// Task is a task of a run.
type Task struct {
	// PlannedTask has only a name if the record has no plan of it.
	event.PlannedTask
	Attempts []Attempt
	Waits    []Wait
	// Known is set if the result was known, and KnownAt is when it was in place.
	Known   *event.TaskKnown
	KnownAt time.Time
	// Skipped is set if it did not run.
	Skipped *event.TaskSkipped
}

// Result is the end of the last attempt; nil if the task did not run or had not ended.
func (t *Task) Result() *event.TaskFinished {
	if len(t.Attempts) == 0 {
		return nil
	}
	return t.Attempts[len(t.Attempts)-1].Result
}

// Attempt is one attempt at a task.
type Attempt struct {
	event.TaskStarted
	// Start and End enclose it. End is that of the record if it ends first.
	Start, End time.Time
	// Frozen are the times for which it was kept from running, inside of Start and End.
	Frozen []Interval
	// Result is how it ended; nil if the record ends first.
	Result *event.TaskFinished
}

// Interval is a part of a run.
type Interval struct{ From, To time.Time }

// Wait is the time from when all that a task depends on had succeeded, or its last attempt had
// ended, to its next attempt or the end of the record. It may be empty.
type Wait struct {
	Interval
	// For is what it waited for most of the time.
	For Cause
}

// Cause is what a task waits for.
type Cause string

// The causes. They are told from what ran and what was reserved, as the record does not have
// the scheduler's decisions.
const (
	Unknown        Cause = ""            // a task that runs alone, a result that was looked up, other programs
	ForMemory      Cause = "memory"      // its need did not fit beside what was reserved
	ForProcessors  Cause = "processors"  // it did, and as many ran as there are processors
	ForConcurrency Cause = "concurrency" // as many ran as may run at once
)

// Step is what a run did before its tasks, such as installing dependencies.
type Step struct {
	event.StepStarted
	Interval
	// Result is nil if the record ends first.
	Result *event.StepFinished
}

// Collection is a garbage collection.
type Collection struct {
	Interval
	Trigger event.GCTrigger
	// Result is nil if the record ends first.
	Result *event.GCFinished
}

// Pressure is a change of the pressure.
type Pressure struct {
	At time.Time
	event.Pressure
}

// Notice is a notice and when it came.
type Notice struct {
	At time.Time
	event.Notice
}

// Sample is the usage of memory in a short interval. All intervals of a run are equally long;
// those without a measurement are left out.
type Sample struct {
	// At is when Usage was measured, the highest of the interval. Budget and Tasks are of
	// that moment.
	At            time.Time
	Usage, Budget memtools.Bytes
	// Least and Last are the lowest and the last usage of the interval.
	Least, Last memtools.Bytes
	// Available is the least that the run could still take before the kernel would act.
	Available memtools.Bytes
	// Tasks are the tasks that used most, at most mostShares, the largest first. What Usage has
	// beyond them is that of other tasks, of heapmage, and of a step.
	Tasks []Share
}

// Share is the usage of one task, by its index in Timeline.Tasks.
type Share struct {
	Task  int
	Usage memtools.Bytes
}
