package mage_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

// insideWorker are the tasks of a pool whose workers are this test binary.
var insideWorker = worker.Handlers{
	"run": worker.Func(func(ctx context.Context, args []string) (string, error) {
		c := exec.CommandContext(ctx, args[1], args[2:]...)
		c.Dir = args[0]
		out, err := c.CombinedOutput()
		if err != nil {
			return "", &exec.Error{Name: string(out), Err: err}
		}
		return string(out), nil
	}),
}

// A worker's children inherit what the pool told the worker. heapmage must not
// take that for a misspelt setting.
func TestRunsInsideAPoolWorker(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/m\n", "m.go": "package m\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := pool.New(pool.Self(), pool.Options{MaxWorkers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := pool.Do[string](ctx, p, pool.Task{Type: "run", Data: []string{root, binary, "clean"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out)
}
