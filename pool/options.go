package pool

import (
	"cmp"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/internal/frame"
)

// Options set up a pool. The zero value is a pool with as many workers as this
// process may use CPUs, each of which ends after a minute without work.
type Options struct {
	// MaxWorkers is the largest number of workers. Zero and less mean
	// runtime.GOMAXPROCS(0).
	MaxWorkers int
	// MinWorkers is how many workers are started at once, and kept without work.
	// Zero and less mean none; more than MaxWorkers are lowered to that.
	MinWorkers int
	// IdleTimeout is how long a worker beyond MinWorkers waits for work before it
	// ends. Zero means 60s; less means for ever.
	IdleTimeout time.Duration

	// HeapLimit is the heap limit of each worker: the old space of V8
	// (--max-old-space-size, in whole megabytes) for a Node script, GOMEMLIMIT for
	// the others. Zero and less leave both as they are.
	HeapLimit memtools.Bytes
	// RecycleMemory is the usage from which a worker is replaced after a task, so
	// that a worker that leaks can do any number of tasks. Zero and less mean 60 %
	// of HeapLimit, or never if that is not set.
	RecycleMemory memtools.Bytes
	// RecycleTasks is the number of tasks after which a worker is replaced. Zero
	// and less mean never.
	RecycleTasks int
	// Budget is the memory that all workers together may use: a task starts when
	// its Need fits, or when no other task runs. Zero and less mean no bound.
	Budget memtools.Bytes

	// TaskTimeout is how long a task may run. Zero and less mean for ever.
	TaskTimeout time.Duration
	// StartTimeout is how long a worker may take to become ready. Zero and less
	// mean 30s.
	StartTimeout time.Duration
	// CancelGrace is how long a worker may take to answer a task that was
	// cancelled or timed out, before the worker is killed. Zero and less mean 1s.
	CancelGrace time.Duration

	// MaxQueue is how many tasks may wait for a worker. Beyond it Exec waits, before
	// it encodes the data of its task. Zero and less mean any number.
	MaxQueue int
	// RejectWhenFull makes Exec return ErrQueueFull instead of waiting. False means
	// that it waits.
	RejectWhenFull bool
	// MaxFrame is the largest size of the data of one task, and of one answer, in
	// JSON. Zero and less mean 64 MB.
	MaxFrame memtools.Bytes

	// Dir is the working folder of the workers. Empty means that of this process.
	Dir string
	// Env is added to the environment that the workers inherit, "NAME=value". Nil
	// adds nothing.
	Env []string

	// Verbose writes a line for each event, and the workers' own output, to Log.
	// False means neither.
	Verbose bool
	// Log takes what Verbose writes. Its Write is never called concurrently. Nil
	// means os.Stderr.
	Log io.Writer
	// OnEvent is called with each event, in order and never concurrently. The pool
	// waits for it: it must return soon, and must not call the pool. Nil means that
	// events are dropped.
	OnEvent func(Event)
}

func (o Options) withDefaults() Options {
	o.MaxWorkers = positive(o.MaxWorkers, runtime.GOMAXPROCS(0))
	o.MinWorkers = min(max(o.MinWorkers, 0), o.MaxWorkers)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, time.Minute)
	o.StartTimeout = positive(o.StartTimeout, 30*time.Second)
	o.CancelGrace = positive(o.CancelGrace, time.Second)
	o.MaxFrame = positive(o.MaxFrame, frame.DefaultMax)
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
