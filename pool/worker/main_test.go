package worker_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/pool/worker"
)

// handlers are the tasks of the workers that are this binary, started again.
var handlers = worker.Handlers{
	"sum": worker.Func(func(_ context.Context, numbers []int) (int, error) {
		sum := 0
		for _, n := range numbers {
			sum += n
		}
		return sum, nil
	}),
}

func TestMain(m *testing.M) {
	worker.Main(handlers)
	code := m.Run()
	proc.Shutdown()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines left:", err)
		code = 1
	}
	os.Exit(code)
}
