package handon

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told is what a reporter was told.
type told []string

func (t *told) Take(s event.Stamped, _ *tally.State) {
	*t = append(*t, s.Event.(event.Notice).Text)
}

func TestRun(t *testing.T) {
	defer func() { takers = nil }()
	root, id := t.TempDir(), proc.NewRunID()
	line, err := json.Marshal(event.Stamped{Seq: 1, Time: time.Unix(1000, 0), Event: event.RunStarted{Run: id, Target: "build"}})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, root, filepath.Join(".heapmage", "runs", id, "events.jsonl"), string(line)+"\n")
	var got *timeline.Timeline
	var left time.Duration
	To(func(ctx context.Context, environ []string, record *timeline.Timeline) string {
		end, _ := ctx.Deadline()
		got, left = record, time.Until(end)
		return environ[0]
	})
	To(func(context.Context, []string, *timeline.Timeline) string { return "" })

	t.Run("each taker gets the record, and what it says is told", func(t *testing.T) {
		var said told
		Run(t.Context(), []string{"it failed"}, root, id, &said)
		if got == nil || got.Run.Run != id || left > timeout || len(said) != 1 || said[0] != "it failed" {
			t.Errorf("%+v in %v: %q", got, left, said)
		}
	})
	t.Run("after an interrupt it gets less time", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		Run(ctx, []string{""}, root, id, new(told))
		if left <= 0 || left > atInterrupt {
			t.Errorf("it has %v", left)
		}
	})
	t.Run("without a record there is nothing to take", func(t *testing.T) {
		got = nil
		if err := os.RemoveAll(filepath.Join(root, ".heapmage")); err != nil {
			t.Fatal(err)
		}
		if Run(t.Context(), []string{"it failed"}, root, id, nil); got != nil {
			t.Error("there was one")
		}
	})
}
