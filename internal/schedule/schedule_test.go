package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/memtools/oom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chain is a → b → c, and d, which stands alone.
var chain = []Job{{ID: "a"}, {ID: "b", After: []string{"a"}}, {ID: "c", After: []string{"b"}}, {ID: "d"}}

var oneAtATime = Options{Slots: 1}

// record runs jobs and returns what started and what was skipped.
func record(ctx context.Context, jobs []Job, o Options, outcome func(Grant) Result) (ran []string, skipped []string) {
	var mu sync.Mutex
	o.Skipped = func(id, because string) { skipped = append(skipped, id+"<"+because) }
	Run(ctx, jobs, o, plain(func(_ context.Context, g Grant) Outcome {
		mu.Lock()
		defer mu.Unlock()
		ran = append(ran, g.ID)
		return Outcome{Result: outcome(g)}
	}))
	return ran, skipped
}

// plainAttempt only ends. It cannot be frozen or stopped.
type plainAttempt chan Outcome

func (plainAttempt) Freeze()                {}
func (plainAttempt) Thaw()                  {}
func (plainAttempt) Stop(Stop)              {}
func (a plainAttempt) Done() <-chan Outcome { return a }

// plain starts attempts that end when run returns.
func plain(run func(context.Context, Grant) Outcome) Starter {
	return func(ctx context.Context, g Grant) Attempt {
		a := make(plainAttempt, 1)
		go func() { a <- run(ctx, g) }()
		return a
	}
}

// journal notes what happens, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return join(j.lines)
}

func join(words []string) string { return strings.Join(words, " ") }

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
		{"stops at a failure if that is asked for", Options{Slots: 1, StopAtFailure: true}, failing("b"), "a b", "c<b d<"},
		{"gives another attempt before what depends on it", oneAtATime, func(g Grant) Result {
			if g.ID == "b" && g.Attempt < 3 {
				return Again
			}
			return Done
		}, "a b b b c d", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			ran, skipped := record(t.Context(), chain, tt.o, tt.outcome)
			if got := join(ran); got != tt.ran {
				t.Errorf("ran %q, want %q", got, tt.ran)
			}
			if got := join(skipped); got != tt.skipped {
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
	t.Run("hands every outcome to the attempts that follow, the oldest first", func(t *testing.T) {
		wants := []Outcome{{Result: Again, HeapLimit: mb, Cause: oom.V8Heap}, {Result: Again, Need: mb, Alone: true, Cause: oom.KernelOOM}, {}}
		var got []Grant
		Run(t.Context(), chain[:1], oneAtATime, plain(func(_ context.Context, g Grant) Outcome {
			got = append(got, g)
			return wants[g.Attempt-1]
		}))
		for i, g := range got {
			if !slices.Equal(g.Before, wants[:i]) || g.Alone != (i == 2) {
				t.Errorf("attempt %d: %+v", g.Attempt, g)
			}
		}
		if len(got) != 3 {
			t.Errorf("%d attempts", len(got))
		}
	})
	t.Run("counts an attempt that ends without an outcome as failed", func(t *testing.T) {
		var log journal
		Run(t.Context(), chain, Options{Slots: 1, Skipped: func(id, because string) { log.add(id + "<" + because) }}, func(_ context.Context, g Grant) Attempt {
			a := make(plainAttempt, 1)
			if g.ID == "d" {
				a <- Outcome{}
			}
			close(a)
			return a
		})
		if got := log.String(); got != "b<a c<a" {
			t.Errorf("skipped %q", got)
		}
	})
	t.Run("freezes, thaws, stops and collects through the attempts' own handles", func(t *testing.T) {
		var log journal
		j := &job{Job: Job{ID: "a"}, attempt: noting{&log}}
		act([]correction{{kind: collect}, {freeze, j}, {thaw, j}, {stop, j}, {yield, j}, {putOff, j}, {giveUp, j}}, func() { log.add("collect") })
		act([]correction{{kind: collect}}, nil)
		if got := log.String(); got != "collect freeze thaw stop 0 stop 1 stop 2 stop 3" {
			t.Error(got)
		}
	})
}

// noting is an attempt that notes what is done to it.
type noting struct{ *journal }

func (n noting) Freeze()            { n.add("freeze") }
func (n noting) Thaw()              { n.add("thaw") }
func (n noting) Stop(why Stop)      { n.add(fmt.Sprint("stop ", why)) }
func (noting) Done() <-chan Outcome { return nil }
