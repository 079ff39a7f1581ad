package pool

import (
	"cmp"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/worker"
)

// Options set up a pool. The zero value is a pool of as many workers as there
// are CPUs, none of them kept for longer than a minute without work.
type Options struct {
	// MaxWorkers is how many workers there are at most. Zero means the CPUs that
	// this process may use.
	MaxWorkers int
	// MinWorkers is how many are started at once and kept without work, at most
	// MaxWorkers. Zero means none.
	MinWorkers int
	// IdleTimeout is how long a worker beyond MinWorkers waits for work before
	// it is ended. Zero means 60 s; negative means for ever.
	IdleTimeout time.Duration

	// HeapLimit is the heap limit of each worker: V8's old space for a Node
	// script (--max-old-space-size), GOMEMLIMIT for the others. Zero leaves both
	// as they are.
	HeapLimit memtools.Bytes
	// RecycleMemory replaces a worker after a task when its usage is at least
	// this. Zero means 60 % of HeapLimit where that is set, else never.
	RecycleMemory memtools.Bytes
	// RecycleTasks replaces a worker after so many tasks. Zero means never.
	RecycleTasks int
	// Budget is the memory that all workers together may use: a task is given
	// out when its Need fits, or when no other runs. Zero means no bound. Handlers
	// have no usage of their own, so that there only Need counts.
	Budget memtools.Bytes

	// TaskTimeout ends a task that runs longer. Zero means never.
	TaskTimeout time.Duration
	// StartTimeout is how long a worker may take until it is ready. Zero means
	// 30 s.
	StartTimeout time.Duration
	// CancelGrace is how long a worker may take to answer a task that was
	// cancelled or timed out before it is ended. Zero means 1 s.
	CancelGrace time.Duration

	// MaxQueue is how many tasks may wait; beyond it Exec waits before it
	// encodes the data of its task. Zero means any number.
	MaxQueue int
	// RejectWhenFull makes Exec return ErrQueueFull instead of waiting.
	RejectWhenFull bool
	// MaxFrame is how long one answer, or the data of one task, may be, in
	// bytes. Zero means 64 MB.
	MaxFrame memtools.Bytes

	// Dir is the working folder of the workers. Empty means this process's.
	Dir string
	// Env are variables for the workers beside this process's, "NAME=value".
	Env []string

	// Verbose writes a line for each event to Log, and the workers' own output.
	Verbose bool
	// Log takes what Verbose writes. Its writes are never concurrent. Nil means
	// standard error.
	Log io.Writer
	// OnEvent is called with each event, in their order and never concurrently,
	// while the pool waits: it must return soon, and not call the pool. Nil means
	// nobody.
	OnEvent func(Event)
}

func (o Options) withDefaults() Options {
	o.MaxWorkers = positive(o.MaxWorkers, runtime.GOMAXPROCS(0))
	o.MinWorkers = min(max(o.MinWorkers, 0), o.MaxWorkers)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, time.Minute)
	o.StartTimeout = positive(o.StartTimeout, 30*time.Second)
	o.CancelGrace = positive(o.CancelGrace, time.Second)
	o.MaxFrame = positive(o.MaxFrame, worker.DefaultMaxFrame)
	o.RecycleMemory = positive(o.RecycleMemory, max(0, o.HeapLimit)*6/10)
	if o.Log == nil {
		o.Log = os.Stderr
	}
	return o
}

func positive[T ~int | ~int64](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
