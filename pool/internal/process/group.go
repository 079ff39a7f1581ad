// Package process runs one worker process of a pool from its start to its end:
// it makes the channel, starts the program, reads what it answers, keeps the end
// of what it prints, and collects the evidence of how it ended. Nothing of a
// worker is left once News.Ended was called.
//
// It costs two goroutines for each worker. Which task a worker gets is decided
// by package pool.
package process

import (
	"strconv"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool/internal/channel"
	"github.com/heapmage/heapmage/pool/internal/frame"
)

// Group is what the workers of one pool have in common.
type Group struct {
	Program Program
	// Dir is the working folder. Empty means this process's.
	Dir string
	// Env is added to this process's environment, "NAME=value".
	Env []string
	// HeapLimit is evidence for why a worker died. Zero means none.
	HeapLimit memtools.Bytes
	// MaxFrame is the largest answer, in bytes. Zero means frame.DefaultMax.
	MaxFrame memtools.Bytes
	// Log takes the workers' own output. Nil drops it.
	Log *Log
	// Tracker measures the workers, each under its ID. Nil means not measured.
	Tracker *memtools.Tracker
	// Poller reads their answers.
	Poller *channel.Poller
	// RunID marks the processes of this pool; see proc.NewRunID.
	RunID string
}

// ID is the name of a worker's process tree in samples of Tracker.
func (g *Group) ID(number int) string { return g.RunID + "/worker-" + strconv.Itoa(number) }

// News is told what happens to workers, which it gets by their number. Started
// comes first, if there is a process; Ended comes last, and always. The calls
// come from several goroutines, and must not come back to the worker's methods
// under a lock that those callers hold.
type News interface {
	// Started: there is a process.
	Started(number, pid int)
	// Ready: it takes tasks.
	Ready(number int)
	// Answered: f is a Result or a Failed.
	Answered(number int, f frame.Frame)
	// Leaving: it takes no more tasks and will end.
	Leaving(number int)
	// Ended: nothing of it is left.
	Ended(number int, e Exit)
}

// Exit is how a worker ended.
type Exit struct {
	// Err is why no process was started; nil if one was. Hint is what to do
	// about it.
	Err  error
	Hint string

	PID      int
	ExitCode int    // -1 if a signal ended the process
	Signal   string // its name, or empty
	Peak     memtools.Bytes
	// Breach is why the pool ended the worker, in words. Empty if it did not.
	Breach string
	// Output is the end of what it printed.
	Output string
	// Survivors are processes that it started and that could not be ended.
	Survivors []int
	// Evidence is for oom.Diagnose; budget and usage are left to the pool.
	Evidence oom.Evidence
}

// Reason is why the pool ends a worker.
type Reason struct {
	Breach string   // in words, for the user
	Stop   oom.Stop // for the verdict
}
