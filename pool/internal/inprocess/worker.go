// Package inprocess runs the tasks of one worker of a pool on a goroutine of this
// process. It gives no isolation: a handler that does not return cannot be ended.
// It costs one goroutine for each worker.
package inprocess

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/heapmage/heapmage/pool/internal/frame"
	"github.com/heapmage/heapmage/pool/worker"
)

// News is told what happens to workers, which it gets by their number.
type News interface {
	// Ready: it takes tasks.
	Ready(number int)
	// Answered: f is a Result or a Failed.
	Answered(number int, f frame.Frame)
	// Leaving: it takes no more tasks and will end.
	Leaving(number int)
}

// Start begins worker number and returns at once. ended is called last of all.
func Start(number int, handlers worker.Handlers, news News, ended func()) *Worker {
	w := &Worker{number: number, handlers: handlers, news: news, ended: ended, tasks: make(chan task, 1), over: make(chan struct{})}
	go w.run()
	return w
}

type task struct {
	id   uint64
	typ  string
	data json.RawMessage
}

// Worker is one worker. Its methods do not block and may be called by many
// goroutines.
type Worker struct {
	number   int
	handlers worker.Handlers
	news     News
	ended    func()
	tasks    chan task     // holds at most one; never closed
	over     chan struct{} // closed by Retire or End
	overOnce sync.Once

	mu      sync.Mutex // guards all below
	current uint64
	stop    context.CancelFunc // of current
}

func (w *Worker) run() {
	// Deferred, as a handler may end its goroutine, like FailNow of a test.
	defer w.ended()
	w.news.Ready(w.number)
	for {
		select {
		case t := <-w.tasks:
			w.do(t)
		case <-w.over:
			return
		}
	}
}

func (w *Worker) do(t task) {
	ctx, cancel := context.WithCancel(context.Background())
	w.mu.Lock()
	w.current, w.stop = t.id, cancel
	w.mu.Unlock()
	f := frame.Frame{Kind: frame.Failed, ID: t.id, Error: "the handler ended its goroutine"}
	returned := false
	defer func() {
		if v := recover(); v != nil {
			returned = true
			stack, _ := json.Marshal(map[string]string{"stack": string(debug.Stack())})
			f.Error, f.Detail = fmt.Sprintf("panic: %v", v), stack
		}
		w.mu.Lock()
		w.current, w.stop = 0, nil
		w.mu.Unlock()
		cancel()
		if !returned {
			w.news.Leaving(w.number)
		}
		w.news.Answered(w.number, f)
	}()
	value, err := w.handlers.Do(ctx, t.typ, t.data)
	returned = true
	if err == nil {
		var raw json.RawMessage
		if raw, err = json.Marshal(value); err == nil {
			f = frame.Frame{Kind: frame.Result, ID: t.id, Result: raw}
			return
		}
		err = fmt.Errorf("the result cannot be sent: %w", err)
	}
	f.Error = err.Error()
}

// Give hands over a task. The worker must be idle.
func (w *Worker) Give(id uint64, typ string, data json.RawMessage) { w.tasks <- task{id, typ, data} }

// Cancel ends the context of task id, if that is running.
func (w *Worker) Cancel(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == id && w.stop != nil {
		w.stop()
	}
}

// Retire ends the worker after its task, if it has one.
func (w *Worker) Retire() { w.overOnce.Do(func() { close(w.over) }) }

// End is Retire, and ends the context of the task.
func (w *Worker) End() {
	w.Retire()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		w.stop()
	}
}
