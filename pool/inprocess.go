package pool

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"

	"github.com/heapmage/heapmage/pool/worker"
)

type handlers worker.Handlers

func (h handlers) open(Options) (factory, error) { return handlers(maps.Clone(h)), nil }

func (h handlers) close() {}

func (h handlers) start(n int, tell func(message)) backend {
	w := &inProcess{number: n, handlers: worker.Handlers(h), tell: tell, jobs: make(chan *job, 1), over: make(chan struct{})}
	go w.run()
	return w
}

// inProcess is a worker that is a goroutine.
type inProcess struct {
	number   int
	handlers worker.Handlers
	tell     func(message)
	jobs     chan *job     // holds at most one; never closed
	over     chan struct{} // closed by retire or end
	overOnce sync.Once

	mu      sync.Mutex // guards all below
	current uint64
	stop    context.CancelFunc // of current
}

func (w *inProcess) run() {
	// Also where a handler ends its goroutine, as a test's FailNow does.
	defer func() { w.tell(message{worker: w.number, kind: ended, exit: Exit{Worker: w.number}}) }()
	w.tell(message{worker: w.number, kind: ready})
	for {
		select {
		case j := <-w.jobs:
			w.do(j)
		case <-w.over:
			return
		}
	}
}

func (w *inProcess) do(j *job) {
	ctx, cancel := context.WithCancel(context.Background())
	w.mu.Lock()
	w.current, w.stop = j.id, cancel
	w.mu.Unlock()
	f := worker.Frame{Kind: worker.Failed, ID: j.id, Error: "the handler ended its goroutine"}
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
			w.tell(message{worker: w.number, kind: leaving})
		}
		w.tell(message{worker: w.number, kind: answered, answer: f})
	}()
	value, err := w.handlers.Do(ctx, j.task.Type, j.data)
	returned = true
	if err == nil {
		var raw json.RawMessage
		if raw, err = json.Marshal(value); err == nil {
			f = worker.Frame{Kind: worker.Result, ID: j.id, Result: raw}
			return
		}
		err = fmt.Errorf("the result cannot be sent: %w", err)
	}
	f.Error = err.Error()
}

func (w *inProcess) give(j *job) bool {
	w.jobs <- j // it is idle, so there is room
	return true
}

func (w *inProcess) cancel(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == id && w.stop != nil {
		w.stop()
	}
}

func (w *inProcess) retire() { w.overOnce.Do(func() { close(w.over) }) }

func (w *inProcess) end(ending) {
	w.retire()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		w.stop()
	}
}
