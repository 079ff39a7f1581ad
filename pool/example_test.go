package pool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

// Each job returns a value of its own type. Most start a process and wait for it.
func ExampleLocal() {
	type built struct {
		folder string
		err    error
	}
	ctx := context.Background()
	p := pool.NewLocal[built](pool.LocalOptions{MaxWorkers: 2})
	var results []<-chan pool.Result[built]
	for _, folder := range []string{"packages/core", "packages/cli"} {
		results = append(results, p.Go(ctx, func(context.Context) built {
			_, err := os.Stat(folder)
			return built{folder, err}
		}))
	}
	for _, result := range results {
		r := <-result
		fmt.Println(r.Value.folder, errors.Is(r.Value.err, os.ErrNotExist), r.Err)
	}
	fmt.Println(p.Shutdown(ctx), p.Stats().TotalTasksCompleted)
	// Output:
	// packages/core true <nil>
	// packages/cli true <nil>
	// <nil> 2
}

// A panic of a job is the error of its result, and of no other.
func ExamplePanicError() {
	p := pool.NewLocal[int](pool.LocalOptions{})
	r := <-p.Go(context.Background(), func(context.Context) int { panic("no such package") })
	var panicked *pool.PanicError
	fmt.Println(errors.As(r.Err, &panicked), r.Err)
	fmt.Println(p.Shutdown(context.Background()))
	// Output:
	// true panic: no such package
	// <nil>
}

// Functions of this process take tasks by name, with the queue, the priorities and the
// timeouts of a pool.
func ExampleHandlers() {
	p, err := pool.New(pool.Handlers(worker.Handlers{
		"sum": worker.Func(func(_ context.Context, numbers []int) (int, error) {
			sum := 0
			for _, n := range numbers {
				sum += n
			}
			return sum, nil
		}),
	}), pool.Options{MaxWorkers: 4, IdleTimeout: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	answer, err := p.Exec(ctx, pool.Task{Type: "sum", Data: []int{1, 2, 3}})
	fmt.Println(string(answer.Value), err)
	sum, err := pool.Do[int](ctx, p, pool.Task{Type: "sum", Data: []int{4, 5}})
	fmt.Println(sum, err)
	_, err = p.Exec(ctx, pool.Task{Type: "product"})
	var failed *pool.TaskError
	fmt.Println(errors.As(err, &failed), err)
	fmt.Println(p.Stats().TotalTasksCompleted, p.Shutdown(ctx))
	// Output:
	// 6 <nil>
	// 9 <nil>
	// true no handler for tasks of type "product" (there are: sum)
	// 2 <nil>
}
