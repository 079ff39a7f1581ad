package pool

import (
	"maps"

	"github.com/heapmage/heapmage/pool/internal/inprocess"
	"github.com/heapmage/heapmage/pool/internal/process"
	"github.com/heapmage/heapmage/pool/worker"
)

// Handlers makes each worker a goroutine of this process that calls h. It is for
// tasks by name, with JSON, whose work is done by processes that the functions
// start. [Local] serves typed jobs better.
//
// Such a worker has no process and no memory of its own: Options.HeapLimit,
// RecycleMemory, Dir and Env have no effect, and Budget counts only the Need of
// tasks. A function that panics fails its task, with a [TaskError], and nothing else.
// One that does not return cannot be ended.
func Handlers(h worker.Handlers) Program { return handlers(h) }

type handlers worker.Handlers

func (h handlers) open(Options, *process.Log) (factory, error) { return maps.Clone(h), nil }

func (h handlers) start(n int, news process.News) backend {
	return goroutine{inprocess.Start(n, worker.Handlers(h), news, func() { news.Ended(n, process.Exit{}) })}
}

func (h handlers) explain(string) (name, hint string) { return "worker", "" }

func (h handlers) close() {}

// goroutine is the backend of such a worker.
type goroutine struct{ *inprocess.Worker }

func (w goroutine) give(j *job) bool {
	w.Give(j.ID, j.task.Type, j.data)
	return true
}

func (w goroutine) cancel(id uint64)   { w.Cancel(id) }
func (w goroutine) retire()            { w.Retire() }
func (w goroutine) end(process.Reason) { w.End() }
