package engine

import (
	"testing"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// TestAgain plays the memory failures of one task, one attempt after another.
func TestAgain(t *testing.T) {
	const gb, mb = memtools.GB, memtools.MB
	times := func(n int) *int { return &n }
	heapFull := oom.Verdict{Cause: oom.V8Heap, Limit: 512 * mb}
	killed := oom.Verdict{Cause: oom.KernelOOM}
	for _, tt := range []struct {
		claim   string
		retries *int
		mode    event.Mode
		slots   int
		ends    []oom.Verdict
		again   int // attempts after the first
	}{
		{"once after a full heap", nil, event.Parallel, 0, []oom.Verdict{heapFull, heapFull, heapFull}, 1},
		{"once after a kill", nil, event.Parallel, 0, []oom.Verdict{killed, killed, killed}, 1},
		{"once for each kind", nil, event.Parallel, 0, []oom.Verdict{heapFull, killed, killed}, 2},
		{"never where that is configured", times(0), event.Parallel, 0, []oom.Verdict{heapFull}, 0},
		{"never after a kill, where that is configured", times(0), event.Parallel, 0, []oom.Verdict{killed}, 0},
		{"not alone where it was alone", nil, event.Parallel, 1, []oom.Verdict{killed}, 0},
		{"also then, as often as is configured", times(2), event.Parallel, 1, []oom.Verdict{killed, killed, killed}, 2},
		{"alone in build:safe, as often as is configured", times(2), event.Safe, 0, []oom.Verdict{killed, killed, killed}, 2},
		{"not with a limit of the script's own", nil, event.Parallel, 0, []oom.Verdict{{Cause: oom.V8Heap}}, 0},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			r := &run{
				prepared: &prepared{Request: Request{Mode: tt.mode}, budget: 4 * gb, settings: &script.Settings{},
					config: &config.Config{Retries: tt.retries, Concurrency: tt.slots}},
				heaps: map[string]heap{}, failures: map[string]int{},
			}
			task := unit{Task: &taskgraph.Task{ID: "core#build", Package: &workspace.Package{Name: "core"}}}
			g, h, again := schedule.Grant{}, heap{Limit: 512 * mb, Set: true}, 0
			for _, v := range tt.ends {
				o, notice := r.again(task, g, h, runner.Result{Verdict: v, Peak: gb})
				if o.Result != schedule.Again {
					if o.Result != schedule.Failed || notice.Text != "" {
						t.Errorf("%+v, %q", o, notice.Text)
					}
					break
				}
				again++
				g.Alone = g.Alone || o.Alone
				if raised, ok := r.heaps[task.ID]; ok {
					h = raised
				}
				if o.Need != gb*3/2 || o.Alone != (v.Cause == oom.KernelOOM) || v.Cause == oom.V8Heap && h.Limit <= 512*mb {
					t.Errorf("another attempt: %+v, heap limit %v", o, h.Limit)
				}
			}
			if again != tt.again {
				t.Errorf("%d more attempts, want %d", again, tt.again)
			}
		})
	}
}

// TestAgainWithLess: what was killed under a heap limit above the budget is tried
// again with one that the budget bears, even where it was alone.
func TestAgainWithLess(t *testing.T) {
	const gb = memtools.GB
	r := &run{
		prepared: &prepared{Request: Request{Mode: event.Managed}, budget: gb, settings: &script.Settings{}, config: &config.Config{}, ample: true},
		heaps:    map[string]heap{}, failures: map[string]int{},
	}
	task := unit{Task: &taskgraph.Task{ID: "core#build", Package: &workspace.Package{Name: "core"}}}
	known := estimate.Prediction{Need: 1100 * memtools.MB, Peak: 900 * memtools.MB, Basis: estimate.FromHistory}
	h, killed := r.heapOf(task, known), runner.Result{Verdict: oom.Verdict{Cause: oom.KernelOOM}}
	if h.Limit != 2*gb || h.toBlame(gb) != gb {
		t.Fatalf("a heap limit of %v, blamed as %v", h.Limit, h.toBlame(gb))
	}
	o, notice := r.again(task, schedule.Grant{Alone: true}, h, killed)
	h = r.heapOf(task, known)
	if o.Result != schedule.Again || h.Limit != gb || h.Notice.Text != "" || notice.Text != "trying again, alone, with a heap limit of 1024.00MB instead of 2048.00MB" {
		t.Errorf("%+v, %+v, %q", o, h, notice.Text)
	}
	if o, _ := r.again(task, schedule.Grant{Alone: true}, h, killed); o.Result != schedule.Failed {
		t.Errorf("%+v after a second kill", o)
	}
	r.failures, r.heaps = map[string]int{}, map[string]heap{}
	other := runner.Result{Verdict: oom.Verdict{Cause: oom.JVMHeap}}
	if o, _ := r.again(task, schedule.Grant{Alone: true}, r.heapOf(task, known), other); o.Result != schedule.Failed {
		t.Errorf("%+v after a failure that a smaller heap limit cannot mend", o)
	}
	for claim, change := range map[string]func(*estimate.Prediction){
		"never succeeded":   func(k *estimate.Prediction) { k.Peak = 0 },
		"takes too much":    func(k *estimate.Prediction) { k.Peak = gb + 1 },
		"was killed":        func(k *estimate.Prediction) { k.Killed = true },
		"nobody would stop": func(*estimate.Prediction) { r.ample = false },
	} {
		k := known
		if change(&k); r.heapOf(task, k).Limit > gb {
			t.Errorf("a task that %s may get more than the budget", claim)
		}
		r.ample = true
	}
}
