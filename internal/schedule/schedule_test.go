package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/memtools"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chain is a → b → c beside a lone d.
var chain = []Job{{ID: "a"}, {ID: "b", After: []string{"a"}}, {ID: "c", After: []string{"b"}}, {ID: "d"}}

var oneAtATime = Options{Slots: 1}

// record runs jobs and returns what started and what was skipped.
func record(ctx context.Context, jobs []Job, o Options, outcome func(Grant) Result) (ran []string, skipped []string) {
	var mu sync.Mutex
	o.Skipped = func(id, because string) { skipped = append(skipped, id+"<"+because) }
	Run(ctx, jobs, o, func(_ context.Context, g Grant) Outcome {
		mu.Lock()
		defer mu.Unlock()
		ran = append(ran, g.ID)
		return Outcome{Result: outcome(g)}
	})
	return ran, skipped
}

func TestRun(t *testing.T) {
	done := func(Grant) Result { return Done }
	failing := func(id string) func(Grant) Result {
		return func(g Grant) Result {
			if g.ID == id {
				return Failed
			}
			return Done
		}
	}
	for _, tt := range []struct {
		claim        string
		o            Options
		outcome      func(Grant) Result
		ran, skipped string
	}{
		{"starts the longest path first", oneAtATime, done, "a b c d", ""},
		{"skips what depends on a failure, names it, and runs the rest", oneAtATime, failing("a"), "a d", "b<a c<a"},
		{"stops at a failure where that is asked for", Options{Slots: 1, StopAtFailure: true}, failing("b"), "a b", "c<b d<"},
		{"gives another attempt before what depends on it", oneAtATime, func(g Grant) Result {
			if g.ID == "b" && g.Attempt < 3 {
				return Again
			}
			return Done
		}, "a b b b c d", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			ran, skipped := record(t.Context(), chain, tt.o, tt.outcome)
			if got := strings.Join(ran, " "); got != tt.ran {
				t.Errorf("ran %q, want %q", got, tt.ran)
			}
			if got := strings.Join(skipped, " "); got != tt.skipped {
				t.Errorf("skipped %q, want %q", got, tt.skipped)
			}
		})
	}
	t.Run("starts nothing once the context is done, and waits for what runs", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ran, skipped := record(ctx, chain, oneAtATime, func(Grant) Result { cancel(); return Failed })
		if len(ran) != 1 || len(skipped) != 3 {
			t.Errorf("ran %v, skipped %v", ran, skipped)
		}
	})
}

// TestInvariants holds for any graph: every job ends exactly once, never before
// those it depends on; slots and budget are kept; and no run stands still.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 25).Draw(t, "jobs")
		budget := memtools.Bytes(rapid.IntRange(1, 40).Draw(t, "budget"))
		slots := rapid.IntRange(1, 6).Draw(t, "slots")
		fails := map[string]bool{}
		var jobs []Job
		for i := range n {
			j := Job{ID: fmt.Sprint(i), Estimate: Estimate{
				Need: memtools.Bytes(rapid.IntRange(0, 50).Draw(t, "need")), Length: time.Duration(rapid.IntRange(0, 9).Draw(t, "length"))}}
			for k := range i {
				if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
					j.After = append(j.After, fmt.Sprint(k))
				}
			}
			fails[j.ID] = rapid.IntRange(0, 9).Draw(t, "fails") == 0
			jobs = append(jobs, j)
		}
		var mu sync.Mutex
		var reserved memtools.Bytes
		running := map[string]bool{}
		ended := map[string]Result{}
		skipped := map[string]bool{}
		Run(t.Context(), jobs, Options{Slots: slots, CPUs: 100, Memory: func() Memory { return Memory{Budget: budget} },
			Skipped: func(id, _ string) { skipped[id] = true }},
			func(_ context.Context, g Grant) Outcome {
				mu.Lock()
				running[g.ID] = true
				reserved += g.Need
				if len(running) > slots || len(running) > 1 && reserved > budget {
					t.Errorf("%d run with %d reserved of %d", len(running), reserved, budget)
				}
				for _, a := range g.After {
					if o, ok := ended[a]; !ok || o != Done {
						t.Errorf("%s started before %s had succeeded", g.ID, a)
					}
				}
				mu.Unlock()
				mu.Lock()
				defer mu.Unlock()
				delete(running, g.ID)
				reserved -= g.Need
				if _, twice := ended[g.ID]; twice {
					t.Errorf("%s ran twice", g.ID)
				}
				ended[g.ID] = Done
				if fails[g.ID] {
					ended[g.ID] = Failed
				}
				return Outcome{Result: ended[g.ID]}
			})
		for _, j := range jobs {
			blocked := slices.ContainsFunc(j.After, func(a string) bool { return ended[a] != Done || skipped[a] })
			if _, ran := ended[j.ID]; ran == skipped[j.ID] || skipped[j.ID] != blocked {
				t.Errorf("%s: ran %v, skipped %v, blocked %v", j.ID, ran, skipped[j.ID], blocked)
			}
		}
	})
}
