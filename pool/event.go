package pool

import (
	"fmt"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	WorkerStarting EventKind = "worker-starting" // a worker is being started
	WorkerReady    EventKind = "worker-ready"    // it takes tasks
	WorkerRecycled EventKind = "worker-recycled" // it did its share and is replaced
	WorkerIdle     EventKind = "worker-idle"     // it waited for work too long and is ended
	WorkerEnding   EventKind = "worker-ending"   // it is ended for another reason, which Text says
	WorkerEnded    EventKind = "worker-ended"    // nothing of it is left
	TaskStarted    EventKind = "task-started"    // a worker was given a task
	TaskDone       EventKind = "task-done"       // a task succeeded
	TaskFailed     EventKind = "task-failed"     // a task failed, or nobody waits for it any more
	TaskRepeated   EventKind = "task-repeated"   // a task went back to the queue, as its worker died
	StrayAnswer    EventKind = "stray-answer"    // an answer to no task that is open; it was dropped
)

// Event is something that happened in a pool.
type Event struct {
	Time time.Time
	Kind EventKind
	// Worker is the number of the worker; zero where none is concerned.
	Worker int
	// PID is the worker's process; zero where it is not known or has none.
	PID int
	// Task is the id of the task in this pool, from 1; zero where none is concerned.
	Task uint64
	// Type is the task's.
	Type string
	// Usage is the worker's, as last measured.
	Usage memtools.Bytes
	// Took is how long the task ran.
	Took time.Duration
	// Text says more, in words; it may be empty.
	Text string
}

// String is the event as Verbose writes it, without a line break.
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
