package pool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/internal/frame"
	"github.com/heapmage/heapmage/pool/internal/queue"
)

// Task is one piece of work for a worker.
type Task struct {
	// Type is what to do, such as the name of a handler. Its meaning is up to the
	// worker. It may be empty.
	Type string
	// Data is sent to the worker, encoded by encoding/json. Nil is null.
	Data any
	// Priority puts a task before those with a lower number. Tasks of equal priority
	// start in the order in which they came. Zero is the default; any int is valid.
	Priority int
	// Need is the memory that the task and its worker are expected to use. It counts
	// against Options.Budget. Zero means unknown: then only what is measured counts.
	Need memtools.Bytes
	// Timeout replaces Options.TaskTimeout for this task. Zero or less keeps that.
	Timeout time.Duration
	// Repeatable allows the task to run twice: if its worker dies, it is tried once
	// more on a fresh one. False means that it never runs twice.
	Repeatable bool
}

// Answer is what a worker answered to a task.
type Answer struct {
	// Value is the result as JSON; null if the worker returned nothing.
	Value json.RawMessage
	// Worker is the number of the worker, from 1.
	Worker int
	// Attempts is 1, or 2 if the task was repeated after its worker had died.
	Attempts int
	// Queued is how long the task waited for a worker, in its last attempt.
	Queued time.Duration
	// Ran is how long the worker took, in its last attempt.
	Ran time.Duration
}

// Decode decodes Value into v, as json.Unmarshal does.
func (a Answer) Decode(v any) error {
	if err := json.Unmarshal(a.Value, v); err != nil {
		return fmt.Errorf("the result of the task: %w", err)
	}
	return nil
}

// job is a task on its way. The dispatcher owns all that newJob does not set.
type job struct {
	queue.Ticket
	task  Task
	frame []byte          // what a worker process is sent
	data  json.RawMessage // part of frame
	done  chan outcome    // takes the one answer, and before it the lead; never closed

	answered  bool
	attempts  int
	fresh     bool // must run on a worker that has done nothing before
	queued    time.Time
	started   time.Time
	deadline  time.Time // of the timeout; zero if there is none
	graceEnds time.Time // when its worker is killed; zero until the job is given up
	timedOut  bool
}

// outcome is what the caller in Exec is told.
type outcome struct {
	answer Answer
	err    error
	lead   bool // not the end: the caller is to lead
}

// newJob encodes t.
func newJob(id uint64, t Task, maxFrame memtools.Bytes) (*job, error) {
	j := &job{Ticket: queue.Ticket{ID: id, Priority: t.Priority}, task: t, done: make(chan outcome, 2)}
	head := frame.Frame{Kind: frame.Task, ID: id, Type: t.Type}.Append(nil)
	head = append(head[:len(head)-2], `,"data":`...) // in place of the end of the frame
	buf := bytes.NewBuffer(head)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(t.Data); err != nil {
		return nil, fmt.Errorf("the data of task %q: %w", t.Type, err)
	}
	start, end := len(head), buf.Len()-1 // Encode ends with a line break
	if size := memtools.Bytes(end - start); size > maxFrame {
		return nil, fmt.Errorf("the data of task %q: %w: %s, the limit is %s", t.Type, ErrTooLarge, size.Short(), maxFrame.Short())
	}
	buf.Truncate(end)
	buf.WriteString("}\n")
	j.frame = buf.Bytes()
	j.data = j.frame[start:end:end]
	return j, nil
}

// outcomeOf turns the frame with which a worker answered j into its outcome.
func (j *job) outcomeOf(f frame.Frame, worker int, now time.Time) outcome {
	if f.Kind != frame.Result {
		return outcome{err: &TaskError{Type: j.task.Type, Message: f.Error, Detail: f.Detail}}
	}
	a := Answer{Value: f.Result, Worker: worker, Attempts: j.attempts, Queued: j.started.Sub(j.queued), Ran: now.Sub(j.started)}
	if len(a.Value) == 0 {
		a.Value = json.RawMessage("null")
	}
	return outcome{answer: a}
}
