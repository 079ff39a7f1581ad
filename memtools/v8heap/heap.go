package v8heap

import (
	"errors"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Process is a Node process with an agent.
type Process struct {
	PID int
	// Script is the program's file. Empty for "node -e".
	Script string
	// Node is the version of Node.js, such as "22.23.1".
	Node string
	// Task is the value of memtools.MarkerEnv in its environment: whose tree it is
	// part of. Empty if it has none.
	Task string
	// Limit is V8's heap limit: --max-old-space-size and the young generation. It is zero
	// until the process has answered once.
	Limit memtools.Bytes
}

// Heap is the memory of a Node process at one moment.
type Heap struct {
	// Used is what V8's heap holds, including garbage.
	Used memtools.Bytes
	// Total is what V8 has mapped for its heap.
	Total memtools.Bytes
	// Limit is what the heap can grow to: --max-old-space-size and the young
	// generation.
	Limit memtools.Bytes
	// External is the memory of buffers and the like, outside V8's heap.
	External memtools.Bytes
	// RSS is the resident set of the process.
	RSS memtools.Bytes
}

// Collection is what a garbage collection did.
type Collection struct {
	// Before and After are the memory just before and just after it.
	Before, After Heap
	// Duration is how long the program stood still.
	Duration time.Duration
}

// Freed returns by how much the used heap fell, and never less than zero.
func (c Collection) Freed() memtools.Bytes { return max(0, c.Before.Used-c.After.Used) }

// Returned returns by how much the resident set fell, and never less than zero. That
// is what the system got back.
func (c Collection) Returned() memtools.Bytes { return max(0, c.Before.RSS-c.After.RSS) }

// ErrNoAgent is returned for a process that has no agent, or no longer has one.
var ErrNoAgent = errors.New("the process has no heap agent")
