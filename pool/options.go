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
	// MaxWorkers is the largest number of workers. Zero or less means
	// runtime.GOMAXPROCS(0).
	MaxWorkers int
	// MinWorkers is how many workers New starts, and how many are kept without work.
	// Zero or less means none; more than MaxWorkers is lowered to that.
	MinWorkers int
	// IdleTimeout is how long a worker beyond MinWorkers waits for work before it
	// ends. Zero means 60 s; negative means for ever.
	IdleTimeout time.Duration

	// HeapLimit is the heap limit of each worker: the old space of V8
	// (--max-old-space-size, in whole megabytes) for a Node script, GOMEMLIMIT for
	// other programs. Zero or less leaves both as they are.
	HeapLimit memtools.Bytes
	// RecycleMemory is the usage at which a worker is replaced after a task, so that a
	// worker that leaks can do any number of tasks. Zero or less means 60 % of
	// HeapLimit, or never if that is not set.
	RecycleMemory memtools.Bytes
	// RecycleTasks is the number of tasks after which a worker is replaced. Zero or
	// less means never.
	RecycleTasks int
	// Budget is the memory that all workers together may use: a task starts when its
	// Need fits, or when no other task runs. Zero or less means no bound.
	Budget memtools.Bytes

	// TaskTimeout is how long a task may run; its time in the queue does not count.
	// Zero or less means for ever.
	TaskTimeout time.Duration
	// StartTimeout is how long a worker may take to become ready. Zero or less means
	// 30 s.
	StartTimeout time.Duration
	// CancelGrace is how long a worker may take to answer a task that was cancelled
	// or timed out, before the worker is killed. Zero or less means 1 s.
	CancelGrace time.Duration

	// MaxQueue is how many tasks may wait for a worker. Beyond it Exec waits, before
	// it encodes the data of its task. Zero or less means any number.
	MaxQueue int
	// RejectWhenFull makes Exec return ErrQueueFull if MaxQueue tasks wait. False
	// makes it wait for room.
	RejectWhenFull bool
	// MaxFrame is the largest size of the data of one task, and of one answer, in
	// JSON. Zero or less means 64 MB.
	MaxFrame memtools.Bytes

	// Dir is the working folder of the workers. Empty means that of this process.
	Dir string
	// Env is added to the environment that the workers inherit, as "NAME=value". It
	// wins over what they inherit. Nil adds nothing.
	Env []string

	// Verbose writes a line for each event, and the workers' own output, to Log.
	// False writes nothing.
	Verbose bool
	// Log is what Verbose writes to. Its Write is never called concurrently. Nil
	// means os.Stderr.
	Log io.Writer
	// OnEvent is called with each event, in order and never concurrently. The pool
	// waits for it: it must return soon, and must not call the pool. Nil means no
	// call.
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
