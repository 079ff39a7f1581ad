//go:build unix

package worker_test

import (
	"context"
	"fmt"

	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

// A program that is its own worker: the pool starts it once more, and Main
// returns only in the process that is not a worker.
func Example() {
	worker.Main(worker.Handlers{
		"sum": worker.Func(func(_ context.Context, numbers []int) (int, error) {
			sum := 0
			for _, n := range numbers {
				sum += n
			}
			return sum, nil
		}),
	})
	ctx := context.Background()
	p, err := pool.New(pool.Self(), pool.Options{MaxWorkers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Shutdown(ctx)
	sum, err := pool.Do[int](ctx, p, pool.Task{Type: "sum", Data: []int{1, 2, 3}})
	fmt.Println(sum, err)
	_, err = p.Exec(ctx, pool.Task{Type: "product"})
	fmt.Println(err)
	// Output:
	// 6 <nil>
	// no handler for tasks of type "product" (there are: sum)
}
