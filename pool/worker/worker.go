// Package worker is the side of a worker process written in Go: it takes tasks
// from a heapmage pool, one at a time, and answers each exactly once. It costs
// two goroutines and imports the standard library only.
//
//	func main() {
//		worker.Main(worker.Handlers{
//			"sum": worker.Func(func(ctx context.Context, n []int) (int, error) { … }),
//		})
//		// Here the program is no worker.
//	}
//
// The protocol is docs/worker-protocol.md. A handler that panics ends the
// process: the pool reports the stack to whoever gave the task and starts
// another worker.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

// Handler does the tasks of one type. Data is the task's, as JSON, and what it
// returns is encoded as JSON. ctx ends when nobody waits for the answer any
// more; then it should return soon, or its process is ended.
type Handler func(ctx context.Context, data json.RawMessage) (any, error)

// Handlers are the handlers of a worker by the type of task.
type Handlers map[string]Handler

// Func makes a handler of a function with types of its own.
func Func[In, Out any](f func(context.Context, In) (Out, error)) Handler {
	return func(ctx context.Context, data json.RawMessage) (any, error) {
		var in In
		if len(data) > 0 {
			if err := json.Unmarshal(data, &in); err != nil {
				return nil, fmt.Errorf("the data of the task: %w", err)
			}
		}
		return f(ctx, in)
	}
}

// Do calls the handler for typ. Where there is none the error names those that
// there are.
func (h Handlers) Do(ctx context.Context, typ string, data json.RawMessage) (any, error) {
	handler := h[typ]
	if handler == nil {
		return nil, fmt.Errorf("no handler for tasks of type %q (there are: %s)", typ, strings.Join(slices.Sorted(maps.Keys(h)), ", "))
	}
	return handler(ctx, data)
}

// Main serves tasks and ends the process where it was started as a worker by a
// pool, and returns at once where it was not. Call it before anything else in
// main. Standard output and standard error stay free for the program's own
// words: the pool keeps their end for its error messages.
func Main(handlers Handlers) {
	if os.Getenv(FDEnv) == "" {
		return
	}
	channel, err := openChannel(os.Getenv(FDEnv))
	if err == nil {
		_ = os.Unsetenv(FDEnv) // our children are no workers
		err = Serve(context.Background(), channel, handlers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Serve answers the tasks that come through channel until its end, and returns
// nil then. The contexts of the handlers end with ctx and with the channel, and
// Serve returns when all of them have; it does not close the channel.
func Serve(ctx context.Context, channel io.ReadWriter, handlers Handlers) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &server{channel: channel, handlers: handlers, cancels: map[uint64]context.CancelFunc{}}
	defer s.running.Wait()
	defer cancel()
	s.send(Frame{Kind: Ready, V: Version})
	for in := NewDecoder(channel, 0); ; {
		f, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case f.Kind == Task:
			s.start(ctx, f)
		case f.Kind == Cancel:
			s.cancel(f.ID)
		}
	}
}

type server struct {
	channel  io.Writer
	handlers Handlers
	running  sync.WaitGroup // one for each task

	mu      sync.Mutex // guards all below, and writes to channel
	cancels map[uint64]context.CancelFunc
	out     []byte
}

func (s *server) start(ctx context.Context, task Frame) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.cancels[task.ID] = cancel
	s.mu.Unlock()
	s.running.Go(func() {
		defer cancel()
		s.send(s.answer(ctx, task))
	})
}

func (s *server) answer(ctx context.Context, task Frame) Frame {
	value, err := s.handlers.Do(ctx, task.Type, task.Data)
	s.mu.Lock()
	delete(s.cancels, task.ID)
	s.mu.Unlock()
	if err == nil {
		var raw json.RawMessage
		if raw, err = encode(value); err == nil {
			return Frame{Kind: Result, ID: task.ID, Result: raw}
		}
		err = fmt.Errorf("the result cannot be sent: %w", err)
	}
	return Frame{Kind: Failed, ID: task.ID, Error: err.Error()}
}

// encode is json.Marshal, which reads what is JSON already twice more.
func encode(value any) (json.RawMessage, error) {
	if raw, ok := value.(json.RawMessage); ok && oneValue(raw) {
		return raw, nil
	}
	return json.Marshal(value)
}

func (s *server) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancels[id]; cancel != nil {
		cancel()
	}
}

// send writes one frame. An error means that the pool is gone, which the read
// side sees as well.
func (s *server) send(f Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = f.Append(s.out[:0])
	_, _ = s.channel.Write(s.out)
	if cap(s.out) > largeFrame {
		s.out = nil
	}
}
