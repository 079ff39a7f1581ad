package schedule

import (
	"context"
	"testing"
	"testing/synctest"
)

// guarded is a run whose jobs arrive and may wait for each other. Each attempt lasts until
// the test ends it.
type guarded struct {
	arrivals chan Job
	released chan string
	log      journal
	ends     map[string]chan Outcome
	over     chan struct{}
}

type heldAttempt struct {
	g    *guarded
	id   string
	done chan Outcome
}

func (a *heldAttempt) Freeze()              { a.g.log.add("freeze " + a.id) }
func (a *heldAttempt) Thaw()                { a.g.log.add("thaw " + a.id) }
func (a *heldAttempt) Stop(Stop)            { a.g.log.add("stop " + a.id) }
func (a *heldAttempt) Done() <-chan Outcome { return a.done }

func guard(t *testing.T, o Options, play func(g *guarded)) string {
	var g *guarded
	synctest.Test(t, func(t *testing.T) { // channels belong to the bubble in which they are made
		g = &guarded{arrivals: make(chan Job), released: make(chan string), ends: map[string]chan Outcome{}, over: make(chan struct{})}
		o.Arrivals, o.Released, o.HiddenWaits = g.arrivals, g.released, true
		go func() {
			defer close(g.over)
			Run(t.Context(), nil, o, func(_ context.Context, grant Grant) Attempt {
				g.log.add(grant.ID)
				a := &heldAttempt{g, grant.ID, make(chan Outcome, 1)}
				g.ends[grant.ID] = a.done
				return a
			})
		}()
		play(g)
		close(g.arrivals)
		<-g.over
	})
	return g.log.String()
}

func (g *guarded) job(j Job) {
	g.arrivals <- j
	synctest.Wait()
}

func (g *guarded) release(id string) {
	g.released <- id
	synctest.Wait()
}

func (g *guarded) end(id string, o Outcome) {
	g.ends[id] <- o
	synctest.Wait()
}

func TestAside(t *testing.T) {
	for _, tt := range []struct {
		claim string
		o     Options
		play  func(g *guarded)
		want  string
	}{
		{"starts lasting jobs at once, and others beside them as if they were not there", Options{Slots: 1}, func(g *guarded) {
			g.job(Job{ID: "server", Lasting: true, Estimate: Estimate{Need: 1 << 60}})
			g.job(Job{ID: "a"})
			g.job(Job{ID: "other", Lasting: true})
			g.job(Job{ID: "b"})
			g.end("a", Outcome{})
			g.end("b", Outcome{})
			g.end("server", Outcome{Result: Failed})
			g.end("other", Outcome{Result: Failed})
		}, "server a other b"},
		{"gives back what a released attempt held", Options{Slots: 1}, func(g *guarded) {
			g.job(Job{ID: "all"})
			g.job(Job{ID: "a"})
			g.release("all")
			g.end("a", Outcome{})
			g.end("all", Outcome{})
		}, "all a"},
		{"runs a job below a released one of its name, whose second attempt it does not make", Options{Slots: 1}, func(g *guarded) {
			g.job(Job{ID: "build"})
			g.release("build")
			outer := g.ends["build"]
			g.job(Job{ID: "build"})
			g.end("build", Outcome{Result: Again})
			g.end("build", Outcome{})
			outer <- Outcome{Result: Again}
		}, "build build build"},
		{"ends a job that waits for room if it is released", Options{Slots: 1}, func(g *guarded) {
			g.job(Job{ID: "a"})
			g.job(Job{ID: "b"})
			g.job(Job{ID: "c"})
			g.release("b")
			g.end("a", Outcome{})
			g.end("c", Outcome{})
		}, "a c"},
		{"waits for a released attempt whose job others depend on", Options{Slots: 2}, func(g *guarded) {
			g.job(Job{ID: "all"})
			g.job(Job{ID: "a", After: []string{"all"}})
			g.release("all")
			g.release("unknown")
			g.log.add("|")
			g.end("all", Outcome{})
			g.end("a", Outcome{})
		}, "all | a"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := guard(t, tt.o, tt.play); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
