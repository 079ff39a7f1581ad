package pool

import (
	"fmt"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// EventKind is what happened in a pool.
type EventKind string

// The kinds of events.
const (
	WorkerStarting EventKind = "worker-starting" // a worker is being started
	WorkerReady    EventKind = "worker-ready"    // a worker takes tasks
	WorkerRecycled EventKind = "worker-recycled" // a worker is replaced, for RecycleMemory or RecycleTasks
	WorkerIdle     EventKind = "worker-idle"     // a worker is ended, for IdleTimeout
	WorkerEnding   EventKind = "worker-ending"   // a worker is ended for another reason, in Text
	WorkerEnded    EventKind = "worker-ended"    // nothing of a worker is left
	TaskStarted    EventKind = "task-started"    // a worker was given a task
	TaskDone       EventKind = "task-done"       // a task succeeded
	TaskFailed     EventKind = "task-failed"     // a task failed, timed out or was cancelled
	TaskRepeated   EventKind = "task-repeated"   // a task returned to the queue, as its worker died
	StrayAnswer    EventKind = "stray-answer"    // an answer to no open task was dropped
)

// Event is something that happened in a pool.
type Event struct {
	// Time is when it happened.
	Time time.Time
	// Kind is what happened.
	Kind EventKind
	// Worker is the number of the worker, from 1. Zero means that none is
	// concerned.
	Worker int
	// PID is the worker's process. Zero means that it is unknown, or that there is
	// none.
	PID int
	// Task is the number of the task in this pool, from 1. Zero means that none is
	// concerned.
	Task uint64
	// Type is the type of the task. Empty if none is concerned.
	Type string
	// Usage is the memory of the worker, as last measured. Zero means unknown.
	Usage memtools.Bytes
	// Took is how long the task ran. Zero unless it has ended.
	Took time.Duration
	// Text explains the event, in words. It may be empty.
	Text string
}

// String returns the line that Options.Verbose writes, without a line break.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString("pool: ")
	if e.Worker != 0 {
		fmt.Fprintf(&b, "worker %d ", e.Worker)
		if e.PID != 0 && (e.Kind == WorkerReady || e.Kind == WorkerEnded) {
			fmt.Fprintf(&b, "(process %d) ", e.PID)
		}
	}
	_, what, _ := strings.Cut(string(e.Kind), "-")
	if e.Task != 0 {
		fmt.Fprintf(&b, "task %d %q ", e.Task, e.Type)
	}
	b.WriteString(what)
	if e.Took > 0 {
		fmt.Fprintf(&b, " after %.3fs", e.Took.Seconds())
	}
	if e.Usage > 0 {
		fmt.Fprintf(&b, " at %s", e.Usage)
	}
	if e.Text != "" {
		b.WriteString(": " + strings.Join(strings.Fields(e.Text), " "))
	}
	return b.String()
}
