package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/internal/process"
)

// Test for these with errors.Is.
var (
	// ErrClosed is the error of a task that came after Shutdown, that Shutdown
	// found in the queue, or that was killed because Shutdown's context was done.
	ErrClosed = errors.New("the pool is shut down")
	// ErrQueueFull is the error of Exec if the queue is full and
	// Options.RejectWhenFull is set.
	ErrQueueFull = errors.New("the queue of the pool is full")
	// ErrTimeout is the error of a task that ran longer than its timeout.
	ErrTimeout = errors.New("the task timed out")
	// ErrTooLarge is the error of a task whose data is larger than Options.MaxFrame.
	// An answer that is larger ends its worker: a CrashError.
	ErrTooLarge = errors.New("too large")
)

// TaskError is a failure that the worker reported. The worker lives on.
type TaskError struct {
	// Type is the type of the task.
	Type string
	// Message is what the worker reported.
	Message string
	// Detail is what else it sent, such as a stack, as JSON. Nil if there is nothing,
	// as from a worker in Go.
	Detail json.RawMessage
}

// Error returns Message.
func (e *TaskError) Error() string { return e.Message }

// CrashError is the end of a worker before it answered its task. Exit.Verdict.Memory
// reports whether it ran out of memory.
type CrashError struct {
	// Type is the type of the task.
	Type string
	// Exit is how the worker ended.
	Exit
}

func (e *CrashError) Error() string {
	return fmt.Sprintf("worker %d (process %d) ended during task %q: %s", e.Worker, e.PID, e.Type, e.Reason())
}

// StartError is the failure to start a worker: no process was started, or it
// ended before it was ready for its first task.
type StartError struct {
	// Program is what was to run.
	Program string
	// Hint is what the user can do, a sentence without a full stop. It is not part
	// of the error's text, and may be empty.
	Hint string
	// Err is why no process was started. It is nil if one was.
	Err error
	// Exit is how the worker ended. It is set only if Err is nil.
	Exit
}

func (e *StartError) Error() string {
	if e.Err != nil {
		return e.Program + ": the worker does not start: " + e.Err.Error()
	}
	return e.Program + ": the worker does not start: " + e.Reason()
}

// Unwrap returns Err.
func (e *StartError) Unwrap() error { return e.Err }

// Exit is how a worker ended.
type Exit struct {
	// Worker is the number of the worker, from 1.
	Worker int
	// PID is its process. Zero means that there was none.
	PID int
	// ExitCode is the exit code, or -1 if a signal ended the process.
	ExitCode int
	// Signal is the name of that signal, such as "SIGKILL", or empty.
	Signal string
	// Peak is the highest usage that was measured. Zero means that none was.
	Peak memtools.Bytes
	// Verdict is why it ended, and whether memory was the reason.
	Verdict oom.Verdict
	// Breach is how the worker broke the pool's rules, if the pool ended it for that:
	// it sent what is no frame of the protocol, or was not ready within StartTimeout.
	// It is empty if the worker ended by itself.
	Breach string
	// Output is the end of what it wrote to standard output and standard error, at
	// most 16 KB.
	Output string
	// Survivors are the PIDs of processes that it started and that the pool could not
	// end. Almost always nil.
	Survivors []int
}

// Reason describes the exit in one line: Breach, the Verdict if memory was the
// reason, or the signal or exit code and the telling line of Output.
func (e Exit) Reason() string {
	if e.Breach != "" {
		return e.Breach
	}
	var text string
	switch {
	case e.Verdict.Memory():
		return e.Verdict.Reason()
	case e.Signal != "":
		text = e.Signal
		if r := e.Verdict.Reason(); r != "" && !strings.Contains(r, e.Signal) {
			text += " (" + r + ")"
		}
	default:
		text = fmt.Sprintf("exit code %d", e.ExitCode)
		if e.ExitCode == 0 {
			text += " before it answered"
		}
	}
	if line := process.Headline(e.Output); line != "" {
		text += ": " + line
	}
	return text
}
