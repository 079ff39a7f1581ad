package schedule

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestProbe plays graphs whose probes take a second and whose attempts take ten. It
// expects "q" for a job that is queued, "?" for a probe, "!" for an attempt.
func TestProbe(t *testing.T) {
	for _, tt := range []struct {
		claim string
		o     Options
		jobs  string // such as "a<hit" for a, which depends on hit
		want  string // what happens in each second, sorted
		takes time.Duration
	}{
		{"does not start what a probe has found", Options{Slots: 1}, "hit", "0 ?hit qhit", time.Second},
		{"waits for room as usual otherwise", Options{Slots: 1}, "a", "0 ?a qa; 1 !a", 11 * time.Second},
		{"lets start what depends on what it found", Options{Slots: 1}, "hit a<hit", "0 ?hit qhit; 1 ?a qa; 2 !a", 12 * time.Second},
		{"skips what depends on a probe that failed", Options{Slots: 1}, "broken a<broken", "0 ?broken qbroken; 1 a<broken", time.Second},
		{"takes another wish for none", Options{Slots: 1}, "unsure", "0 ?unsure qunsure; 1 !unsure", 11 * time.Second},
		{"finds while every slot is taken", Options{Slots: 1, Probes: 1}, "a hit hit2<hit", "0 ?hit qa qhit; 1 ?a qhit2; 2 !a ?hit2", 12 * time.Second},
		{"starts what is probed while others are probed", Options{Slots: 1, Probes: 1}, "a b", "0 ?a qa qb; 1 !a ?b; 11 !b", 21 * time.Second},
		{"probes no more at once than may be", Options{Slots: 1, Probes: 2}, "hit hit2 hit3", "0 ?hit ?hit2 qhit qhit2 qhit3; 1 ?hit3", 2 * time.Second},
		{"probes one at a time on one processor", Options{Slots: 1, CPUs: 1}, "hit hit2", "0 ?hit qhit qhit2; 1 ?hit2", 2 * time.Second},
		{"stops the run if that is wanted and a probe failed", Options{Slots: 1, Probes: 1, StopAtFailure: true}, "broken a b<broken", "0 ?broken qa qbroken; 1 a< b<broken", time.Second},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, takes := playProbes(t, tt.o, tt.jobs)
			if got != tt.want || takes != tt.takes {
				t.Errorf("got %q in %v, want %q in %v", got, takes, tt.want, tt.takes)
			}
		})
	}
	t.Run("is told when the context ends, and waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			told := false
			var log journal
			o := Options{Slots: 1, Skipped: func(id, because string) { log.add(id + "<" + because) },
				Probe: func(ctx context.Context, _ string) (Outcome, bool) {
					<-ctx.Done()
					time.Sleep(time.Second)
					told = true
					return Outcome{}, false
				}}
			Run(ctx, []Job{{ID: "a"}}, o, plain(func(context.Context, Grant) Outcome { t.Error("it started"); return Outcome{} }))
			if !told || log.String() != "a<" {
				t.Errorf("told %v, %q", told, log.String())
			}
		})
	})
	t.Run("is asked once, whatever happens to the attempts", func(t *testing.T) {
		asked := 0
		o := Options{Slots: 1, Probe: func(context.Context, string) (Outcome, bool) { asked++; return Outcome{}, false }}
		ran, _ := record(t.Context(), []Job{{ID: "a"}}, o, func(g Grant) Result {
			if g.Attempt < 3 {
				return Again
			}
			return Done
		})
		if asked != 1 || len(ran) != 3 {
			t.Errorf("asked %d times, ran %v", asked, ran)
		}
	})
}

// found is what the probes find.
var found = map[string]Outcome{"hit": {}, "hit2": {}, "hit3": {}, "broken": {Result: Failed}, "unsure": {Result: Again}}

// playProbes returns what happened in each second, and how long it all took.
func playProbes(t *testing.T, o Options, jobs string) (happened string, took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var mu sync.Mutex
		seconds := map[int][]string{}
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			at := int(time.Since(begun).Seconds())
			seconds[at] = append(seconds[at], what)
		}
		o.Queued = func(id string) { note("q" + id) }
		o.Skipped = func(id, because string) { note(id + "<" + because) }
		o.Probe = func(_ context.Context, id string) (Outcome, bool) {
			note("?" + id)
			time.Sleep(time.Second)
			outcome, known := found[id]
			return outcome, known
		}
		Run(t.Context(), parsed(jobs), o, plain(func(_ context.Context, g Grant) Outcome {
			note("!" + g.ID)
			time.Sleep(10 * time.Second)
			return Outcome{}
		}))
		took = time.Since(begun)
		var lines []string
		for _, at := range slices.Sorted(maps.Keys(seconds)) {
			slices.Sort(seconds[at])
			lines = append(lines, fmt.Sprint(at, " ")+join(seconds[at]))
		}
		happened = strings.Join(lines, "; ")
	})
	return happened, took
}

// parsed reads jobs such as "a b<a".
func parsed(text string) (jobs []Job) {
	for word := range strings.FieldsSeq(text) {
		id, after, ok := strings.Cut(word, "<")
		j := Job{ID: id}
		if ok {
			j.After = []string{after}
		}
		jobs = append(jobs, j)
	}
	return jobs
}
