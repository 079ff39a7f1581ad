// Package worker turns a Go program into a worker of package pool, in the same
// program (pool.Self) or another (pool.Command). It takes tasks from the pool, one
// at a time, and answers each exactly once.
//
//	func main() {
//		worker.Main(worker.Handlers{
//			"sum": worker.Func(func(ctx context.Context, n []int) (int, error) { … }),
//		})
//		// From here on the program is no worker: its own main follows.
//	}
//
// A handler that panics ends the process: the caller of Exec gets a
// pool.CrashError with the panic's text, and the pool starts another worker.
//
// A worker costs two goroutines. This package depends on nothing outside this module
// but the standard library. docs/worker-protocol.md describes the protocol, for
// workers in other languages.
package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/pool/internal/frame"
)

// Handler does the tasks of one type. data is the task's data as JSON, null if
// there is none, and the returned value is encoded as JSON. An error reaches the
// caller of Exec as a pool.TaskError with its text, and the worker lives on.
//
// ctx is done when the answer is not awaited any more, after a timeout too. The
// handler should return soon then: the pool ends a worker that does not within
// pool.Options.CancelGrace.
type Handler func(ctx context.Context, data json.RawMessage) (any, error)

// Handlers are the handlers of a worker by the type of task.
type Handlers map[string]Handler

// Func makes a handler of a function with its own types, In decoded from JSON and Out
// encoded as JSON. If the data of a task does not decode as In, the task fails.
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

// Do calls the handler for typ, as a worker does: a test of handlers needs no pool.
// If there is none, the error lists the types that there are.
func (h Handlers) Do(ctx context.Context, typ string, data json.RawMessage) (any, error) {
	handler := h[typ]
	if handler == nil {
		return nil, fmt.Errorf("no handler for tasks of type %q (there are: %s)", typ, strings.Join(slices.Sorted(maps.Keys(h)), ", "))
	}
	return handler(ctx, data)
}

// Main serves tasks if a pool has started this process as a worker, and then
// ends the process: with code 0 when the pool closes the channel, with code 1
// and a message if the channel fails. In any other process it returns at once.
//
// Call it before anything else in main: what comes before it runs in every worker
// as well, and so do the init functions. A handler may write to standard output
// and standard error: the pool keeps the last 16 KB for its error messages.
func Main(handlers Handlers) {
	fd := os.Getenv(frame.FDEnv)
	if fd == "" {
		return
	}
	channel, err := openChannel(fd)
	if err == nil {
		_ = os.Unsetenv(frame.FDEnv) // the processes that we start are not workers
		err = serve(context.Background(), channel, handlers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
