package pool_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

func TestBudget(t *testing.T) {
	inBubble(t, "gives out no tasks that together pass it, and all in the end", func(t *testing.T) {
		var now, most atomic.Int64
		p, err := pool.New(pool.Handlers(worker.Handlers{"use": worker.Func(func(_ context.Context, b memtools.Bytes) (any, error) {
			most.Store(max(most.Load(), now.Add(int64(b))))
			time.Sleep(time.Second)
			now.Add(-int64(b))
			return nil, nil
		})}), pool.Options{MaxWorkers: 8, Budget: 100 * memtools.MB})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, need := range []memtools.Bytes{60, 60, 30, 90, 10, 40, 40, 100, 5} {
			need *= memtools.MB
			all.Go(func() {
				if _, err := p.Exec(t.Context(), pool.Task{Type: "use", Data: need, Need: need}); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if got := memtools.Bytes(most.Load()); got > 100*memtools.MB || got < 90*memtools.MB {
			t.Errorf("at most %v were in use together", got)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("ends idle workers whose memory is needed", func(t *testing.T) {
		need(t, "node")
		events := newJournal()
		// Each worker keeps 60 MB after its first task.
		text := `let kept = null; process.on('message', async (m) => {
			if (m.type === 'keep') kept = Buffer.alloc(60 * 1048576, 1);
			await new Promise((done) => setTimeout(done, 400));
			process.send(kept === null);
		})`
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", text)), pool.Options{MaxWorkers: 3, Budget: 200 * memtools.MB, OnEvent: events.note})
		var two sync.WaitGroup
		for range 2 {
			two.Go(func() { mustExec(t, p, pool.Task{Type: "keep", Need: 90 * memtools.MB}) })
		}
		two.Wait()
		for late := time.Now().Add(hang); p.Stats().Usage < 120*memtools.MB; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("the workers keep 120 MB, measured are %v", p.Stats().Usage)
			}
		}
		// A task of 150 MB runs, as no other does. Beside it one of 40 MB has room on
		// a fresh worker only.
		two.Go(func() { mustExec(t, p, pool.Task{Type: "large", Need: 150 * memtools.MB}) })
		events.await(t, pool.TaskStarted, 3)
		two.Go(func() { mustExec(t, p, pool.Task{Type: "small", Need: 40 * memtools.MB}) })
		two.Wait()
		if e := events.await(t, pool.WorkerEnding, 1)[0]; e.Text != "its memory is needed" || e.Usage < 60*memtools.MB {
			t.Errorf("event %v", e)
		}
	})
}
