package pool_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/internal/frame"
)

// The worker that docs/worker-protocol.md shows.
func TestPythonWorker(t *testing.T) {
	need(t, "python3")
	p := newPool(t, pool.Command("python3", "testdata/worker.py"), pool.Options{MaxWorkers: 2})
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			got, err := pool.Do[int](soon(t), p, pool.Task{Type: "sum", Data: []int{n, 1, 2}})
			if err != nil || got != n+3 {
				t.Errorf("sum %d: %d, %v", n, got, err)
			}
		})
	}
	all.Wait()
	if got, err := pool.Do[int](soon(t), p, pool.Task{Type: "words", Data: strings.Repeat("wörter ", 200_000)}); err != nil || got != 200_000 {
		t.Errorf("words: %d, %v", got, err)
	}
	_, err := p.Exec(soon(t), pool.Task{Type: "dance"})
	var failed *pool.TaskError
	if !errors.As(err, &failed) || failed.Message != "unknown task type: dance" {
		t.Errorf("got %v", err)
	}
}

// Strangers write workers from the page, so it must be right.
func TestProtocolPage(t *testing.T) {
	page, err := os.ReadFile("../docs/worker-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("testdata/worker.py")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```python\n"+string(program)+"```\n") {
		t.Error("the worker in the page is not testdata/worker.py")
	}
	frames := 0
	for line := range strings.Lines(string(page)) {
		if one, ok := strings.CutPrefix(line, "← "); ok || strings.HasPrefix(line, "→ ") {
			frames++
			if _, err := frame.Parse([]byte(strings.TrimPrefix(one, "→ "))); err != nil {
				t.Error(err)
			}
		}
	}
	if frames < 8 {
		t.Errorf("%d frames in the transcript", frames)
	}
}
