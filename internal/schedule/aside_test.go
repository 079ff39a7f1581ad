package schedule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
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

func TestAsideMemory(t *testing.T) {
	hidden := Options{HiddenWaits: true}
	t.Run("counts what is aside as the run's own", func(t *testing.T) {
		s := running(t, hidden, 1000*mb, 300*mb)
		s.want(s.after(time.Second, 300), "")
		s.l.setAside("a")
		s.l.arrive(Job{ID: "b", Estimate: Estimate{Need: 300 * mb, Length: time.Hour}})
		s.l.arrive(Job{ID: "c", Estimate: Estimate{Need: 900 * mb, Length: 1}})
		s.want(s.admits(), "b")
		if m := s.memory(); m.Rest != 300*mb {
			t.Errorf("the rest is %v", m.Rest)
		}
		s.l.arrive(Job{ID: "a", Estimate: Estimate{Need: 1 * mb, Length: time.Hour}})
		s.want(s.admits(), "a")
		if m := s.memory(); m.Rest != 0 {
			t.Errorf("with another of its name the rest is %v", m.Rest)
		}
	})
	t.Run("lets a frozen attempt go on that is released", func(t *testing.T) {
		s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
		s.want(s.after(time.Second, 600, 401), "collect, freeze b")
		if cs := s.l.setAside("b"); len(cs) != 1 || cs[0].kind != thaw {
			t.Errorf("%v", cs)
		}
		s.want(s.after(time.Second), "")
	})
	t.Run("does not release what is being stopped", func(t *testing.T) {
		s := running(t, hidden, 1000*mb, 300*mb, 300*mb)
		s.want(s.after(time.Second, 600, 401), "collect, freeze b")
		s.want(s.after(time.Second, 620, 401), "stop b")
		s.l.setAside("b")
		s.end("b", Outcome{Result: Again})
		if s.l.jobs["b"] == nil {
			t.Error("it has no further attempt")
		}
	})
	t.Run("ends the newest lasting attempt when nothing else is left", func(t *testing.T) {
		s := running(t, hidden, 1000*mb, 300*mb)
		s.l.arrive(Job{ID: "b", Lasting: true})
		s.l.arrive(Job{ID: "c", Lasting: true})
		s.want(s.admits(), "b c")
		s.want(s.after(time.Second, 100, 500, 490), "collect")
		s.want(s.after(100*time.Millisecond, 100, 500, 490), "give up a")
		s.end("a", Outcome{Result: Failed})
		delete(s.used, "a")
		s.used["b"] = 600 * mb
		s.want(s.after(100*time.Millisecond), "") // what a had is being freed
		s.want(s.after(freeTime), "give up c")
		s.want(s.after(time.Second), "") // room is being made
	})
}
