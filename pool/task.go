package pool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/worker"
)

// Task is one piece of work for a worker.
type Task struct {
	// Type says what to do. It is up to the worker.
	Type string
	// Data goes to the worker as JSON.
	Data any
	// Priority puts a task before those of a lower one. Equal ones keep the
	// order in which they came.
	Priority int
	// Need is the memory that the task is expected to use, its worker included.
	// It counts against Options.Budget. Zero means unknown: then only what is
	// measured counts.
	Need memtools.Bytes
	// Timeout is Options.TaskTimeout for this task. Zero means that one.
	Timeout time.Duration
	// Repeatable says that doing the task twice does no harm: if its worker
	// dies, it is tried once more on a fresh one.
	Repeatable bool
}

// Answer is the answer to a task.
type Answer struct {
	// Value is what the worker returned, as JSON; null where it returned nothing.
	Value json.RawMessage
	// Worker is the number of the worker that did the task, from 1.
	Worker int
	// Attempts is 2 where the task was repeated after its worker died, else 1.
	Attempts int
	// Queued is how long the task waited for a worker, in its last attempt.
	Queued time.Duration
	// Ran is how long the worker took, in its last attempt.
	Ran time.Duration
}

// Decode decodes the value into v, as json.Unmarshal does.
func (r Answer) Decode(v any) error {
	if err := json.Unmarshal(r.Value, v); err != nil {
		return fmt.Errorf("the result of the task: %w", err)
	}
	return nil
}

// job is a task on its way. The dispatcher owns all that is not set by newJob.
type job struct {
	id    uint64
	task  Task
	frame []byte          // for worker processes
	data  json.RawMessage // part of frame
	done  chan outcome    // takes the one answer, and before it the lead; never closed

	answered  bool
	attempts  int
	fresh     bool // to be done by a worker that did nothing before
	passed    int  // how many tasks overtook it
	queued    time.Time
	started   time.Time
	deadline  time.Time // of the timeout; zero where there is none
	graceEnds time.Time // when its worker is ended; zero until it is cancelled
	timedOut  bool
}

type outcome struct {
	result Answer
	err    error
	lead   bool // no answer: the caller is to lead
}

// newJob encodes t.
func newJob(id uint64, t Task, maxFrame memtools.Bytes) (*job, error) {
	j := &job{id: id, task: t, done: make(chan outcome, 2)}
	head := worker.Frame{Kind: worker.Task, ID: id, Type: t.Type}.Append(nil)
	head = append(head[:len(head)-2], `,"data":`...) // instead of the end of the frame
	buf := bytes.NewBuffer(head)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(t.Data); err != nil {
		return nil, fmt.Errorf("the data of task %q: %w", t.Type, err)
	}
	start, end := len(head), buf.Len()-1 // Encode ends with a line break
	if size := memtools.Bytes(end - start); size > maxFrame {
		return nil, fmt.Errorf("the data of task %q: %w: %s, the limit is %s", t.Type, worker.ErrFrameTooLarge, size.Short(), maxFrame.Short())
	}
	buf.Truncate(end)
	buf.WriteString("}\n")
	j.frame = buf.Bytes()
	j.data = j.frame[start:end:end]
	return j, nil
}

// outcomeOf is what f says about j, which worker has done.
func (j *job) outcomeOf(f worker.Frame, number int, now time.Time) outcome {
	if f.Kind != worker.Result {
		return outcome{err: &TaskError{Type: j.task.Type, Message: f.Error, Detail: f.Detail}}
	}
	r := Answer{Value: f.Result, Worker: number, Attempts: j.attempts, Queued: j.started.Sub(j.queued), Ran: now.Sub(j.started)}
	if len(r.Value) == 0 {
		r.Value = json.RawMessage("null")
	}
	return outcome{result: r}
}
