// Package v8heap sees into Node processes and collects their garbage: the
// figures of V8's heap, and a full collection on command, even while the program
// is inside one long synchronous call, as tsc is from its start to its end.
//
// A Server listens on a Unix socket in a folder of its own, of mode 0700, and
// speaks with the agent, a script that every Node process preloads which is
// started with the server's Options and Env. The agent changes nothing of the
// program: no output, no exit code, no process kept alive, no global; where it
// cannot work, the program runs without it. It costs a Node process one thread with
// a V8 heap of its own: 7 to 10 MB by Node's version, and 5.5 to 8 MB once the
// process has lived for two seconds (docs/benchmarks.md says what they consist of).
//
// Three things a program can notice: the thread takes the first thread id, so
// that the program's own worker threads count from 2; NODE_OPTIONS holds a
// --require; and a collection stops the program for its duration. Processes of
// package managers, which hold no heap worth collecting, and processes that are
// being debugged are left alone.
//
// docs/heap-agent-protocol.md has the protocol.
package v8heap

import (
	"errors"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Heap is the memory of one Node process.
type Heap struct {
	// Used is what V8's heap holds, garbage included; Total what it has mapped for
	// that; Limit what it may grow to, young generation included.
	Used, Total, Limit memtools.Bytes
	// External is the memory of buffers and the like, outside of V8's heap.
	External memtools.Bytes
	// RSS is the process's resident set.
	RSS memtools.Bytes
}

// Process is a Node process with an agent.
type Process struct {
	PID int
	// Script is the program's file, empty for "node -e".
	Script string
	// Node is the version of Node.js, such as "22.23.1".
	Node string
	// Task is the process's memtools.MarkerEnv.
	Task string
	// Limit is the heap limit, young generation included.
	Limit memtools.Bytes
}

// Collection is what a garbage collection did.
type Collection struct {
	Before, After Heap
	// Duration is how long the program stood still.
	Duration time.Duration
}

// Freed is what the heap gave back: used before less used after, never negative.
func (c Collection) Freed() memtools.Bytes { return max(0, c.Before.Used-c.After.Used) }

// Returned is by how much the resident set fell, never negative.
func (c Collection) Returned() memtools.Bytes { return max(0, c.Before.RSS-c.After.RSS) }

// ErrNoAgent is returned for a process that has no agent, or has it no more.
var ErrNoAgent = errors.New("the process has no heap agent")
