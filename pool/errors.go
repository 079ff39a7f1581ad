package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

var (
	// ErrClosed is the error of a task that came after Shutdown, or was still in
	// the queue at that moment, or was ended by it.
	ErrClosed = errors.New("the pool is shut down")
	// ErrQueueFull is the error of Exec where Options.RejectWhenFull is set.
	ErrQueueFull = errors.New("the queue of the pool is full")
	// ErrTimeout is the error of a task beyond its timeout.
	ErrTimeout = errors.New("the task timed out")
)

// TaskError is a failure that the worker itself reported. The worker goes on.
type TaskError struct {
	// Type is the task's.
	Type string
	// Message is the worker's.
	Message string
	// Detail is what else the worker said, such as a stack, as JSON; it may be
	// empty.
	Detail json.RawMessage
}

func (e *TaskError) Error() string { return e.Message }

// CrashError is the end of a worker before it had answered its task.
type CrashError struct {
	// Type is the task's.
	Type string
	// Exit is how the worker ended.
	Exit
}

func (e *CrashError) Error() string {
	return fmt.Sprintf("worker %d (process %d) ended during task %q: %s", e.Worker, e.PID, e.Type, e.Exit.Reason())
}

// StartError is a worker that ended, or was ended, before it was ready for its
// first task.
type StartError struct {
	// Program is what was to be run.
	Program string
	// Hint says what to do; it may be empty.
	Hint string
	// Err is why no process was started. Nil where one was.
	Err error
	// Exit is how the worker ended.
	Exit
}

func (e *StartError) Error() string {
	text := e.Program + ": the worker does not start: "
	if e.Err != nil {
		text += e.Err.Error()
	} else {
		text += e.Exit.Reason()
	}
	if e.Hint != "" {
		text += "\n💡 " + e.Hint
	}
	return text
}

// Unwrap returns Err.
func (e *StartError) Unwrap() error { return e.Err }

// Exit is how a worker ended.
type Exit struct {
	// Worker is the worker's number.
	Worker int
	// PID is the process's; zero where there was none of its own.
	PID int
	// ExitCode is the exit code, or -1 where a signal ended the process.
	ExitCode int
	// Signal is the name of that signal, such as "SIGKILL", or empty.
	Signal string
	// Peak is the highest usage that was measured; zero where none was.
	Peak memtools.Bytes
	// Verdict says why, and whether memory was the reason.
	Verdict oom.Verdict
	// Breach says what the worker did that made the pool end it, such as a frame
	// that is none. Empty where it ended by itself.
	Breach string
	// Output is the end of what it wrote to standard output and standard error,
	// at most 16 KB.
	Output string
	// Survivors are processes that the worker started and that could not be ended.
	Survivors []int
}

// Reason is the exit in words, for one line.
func (e Exit) Reason() string {
	if e.Breach != "" {
		return e.Breach
	}
	var text string
	switch {
	case e.Verdict.Memory():
		text = e.Verdict.Reason()
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
	if line := telling(e.Output); line != "" && !e.Verdict.Memory() {
		text += ": " + line
	}
	return text
}

// telling is the line of output that says most: that of an uncaught error, else
// the last one.
func telling(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		name, _, ok := strings.Cut(line, ":")
		if i := strings.IndexAny(name, " [("); i > 0 {
			name = name[:i]
		}
		if ok && (strings.HasSuffix(name, "Error") || name == "panic" || name == "Uncaught") {
			return cut(line)
		}
		if line != "" && !strings.HasPrefix(line, "Node.js v") {
			last = line
		}
	}
	return cut(last)
}

func cut(line string) string {
	const most = 200
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + "…"
}
