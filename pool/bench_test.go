package pool_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

// BenchmarkLocal is what the pool adds to each attempt of a build.
func BenchmarkLocal(b *testing.B) {
	p := pool.NewLocal[int](pool.LocalOptions{})
	for b.Loop() {
		if r := <-p.Go(b.Context(), func(context.Context) int { return 1 }); r.Err != nil {
			b.Fatal(r.Err)
		}
	}
	if err := p.Shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkHandlers is what the pool adds to each task by name, in this process.
func BenchmarkHandlers(b *testing.B) {
	p := newPool(b, pool.Handlers(worker.Handlers{
		"echo": func(_ context.Context, data json.RawMessage) (any, error) { return data, nil },
	}), pool.Options{MaxWorkers: 2})
	for b.Loop() {
		if _, err := p.Exec(b.Context(), pool.Task{Type: "echo", Data: map[string]string{"workspace": "packages/core"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstTask is such a pool with its first task, from New to Shutdown.
func BenchmarkFirstTask(b *testing.B) {
	for b.Loop() {
		p, err := pool.New(pool.Handlers(worker.Handlers{
			"nothing": func(context.Context, json.RawMessage) (any, error) { return nil, nil },
		}), pool.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Exec(b.Context(), pool.Task{Type: "nothing"}); err != nil {
			b.Fatal(err)
		}
		if err := p.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
