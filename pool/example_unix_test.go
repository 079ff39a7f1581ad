//go:build unix

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool"
)

// The workers are this program, started once more: its main begins with
// worker.Main. One that dies takes only its own task with it.
func ExampleNew() {
	ctx := context.Background()
	p, err := pool.New(pool.Self(), pool.Options{MaxWorkers: 4, TaskTimeout: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := p.Exec(ctx, pool.Task{Type: "echo", Data: map[string]string{"workspace": "packages/core"}})
	fmt.Println(string(answer.Value), err)

	_, err = p.Exec(ctx, pool.Task{Type: "exit", Data: 3})
	if crash := (*pool.CrashError)(nil); errors.As(err, &crash) {
		fmt.Println("crashed:", crash.Reason())
	}
	fmt.Println(p.Shutdown(ctx), p.Stats().TotalTasksCompleted, p.Stats().TotalWorkersCrashed)
	// Output:
	// {"workspace":"packages/core"} <nil>
	// crashed: exit code 3
	// <nil> 1 1
}

// Any program can be a worker that reads and writes lines of JSON, even a shell.
func ExampleCommand() {
	const script = `echo '{"kind": "ready", "v": 1}' >&3
while read -r task <&3; do
  id=${task#*'"id":'}
  echo '{"kind": "result", "id": '"${id%%,*}"', "result": "done"}' >&3
done`
	ctx := context.Background()
	p, err := pool.New(pool.Command("sh", "-c", script), pool.Options{MaxWorkers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Shutdown(ctx)
	answer, err := p.Exec(ctx, pool.Task{Type: "anything"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var word string
	fmt.Println(answer.Decode(&word), word)
	// Output:
	// <nil> done
}

// buildWorker.js is written as for a worker thread: it answers what it gets from
// parentPort.
func ExampleNodeScript() {
	p, err := pool.New(pool.NodeScript("./buildWorker.js", "--expose-gc"), pool.Options{
		MaxWorkers: 2,
		HeapLimit:  512 * memtools.MB,
	})
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Println("there is no such script in this folder")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer p.Shutdown(ctx)
	_, err = p.Exec(ctx, pool.Task{Type: "buildPackage", Data: map[string]string{"workspace": "packages/core"}})
	var failed *pool.TaskError
	var crash *pool.CrashError
	switch {
	case errors.As(err, &failed):
		fmt.Println("the script reported:", failed.Message)
	case errors.As(err, &crash) && crash.Verdict.Memory():
		fmt.Println("out of memory at", crash.Peak, crash.Verdict.Advice)
	case err != nil:
		fmt.Println(err)
	}
	// Output:
	// there is no such script in this folder
}
