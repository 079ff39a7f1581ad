package schedule

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// arriving is a run whose jobs arrive as a test sends them. Each attempt takes a
// second and succeeds, unless its job is called "bad".
type arriving struct {
	send chan Job
	log  journal
	over chan struct{} // closed when Run has returned
}

// arrive plays a run in a bubble.
func arrive(t *testing.T, o Options, play func(a *arriving, cancel func())) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a := &arriving{send: make(chan Job), over: make(chan struct{})}
		o.Arrivals = a.send
		o.Skipped = func(id, because string) { a.log.add(id + "<" + because) }
		go func() {
			defer close(a.over)
			Run(ctx, nil, o, plain(func(ctx context.Context, g Grant) Outcome {
				a.log.add(g.ID)
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
				if strings.HasPrefix(g.ID, "bad") {
					return Outcome{Result: Failed}
				}
				return Outcome{}
			}))
		}()
		play(a, cancel)
		<-a.over
	})
}

// job sends a job, and lets the run do what it can at once.
func (a *arriving) job(id string, after ...string) {
	a.send <- Job{ID: id, After: after}
	synctest.Wait()
}

// wait lets every attempt that runs end.
func (a *arriving) wait() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

func TestArrivals(t *testing.T) {
	four := Options{Slots: 4, CPUs: 4}
	for _, tt := range []struct {
		claim string
		o     Options
		play  func(t *testing.T, a *arriving, cancel func())
		want  string
	}{
		{"starts what arrives while nothing runs", four, func(_ *testing.T, a *arriving, _ func()) {
			a.wait()
			a.job("a")
			a.log.add("|")
			close(a.send)
		}, "a |"},
		{"waits for those that have not ended, and not for those that succeeded", four, func(_ *testing.T, a *arriving, _ func()) {
			a.job("a")
			a.job("b", "a")
			a.log.add("|")
			a.wait()
			a.job("c", "a", "b")
			close(a.send)
		}, "a | b c"},
		{"skips what depends on a failure, and names that", four, func(_ *testing.T, a *arriving, _ func()) {
			a.job("bad")
			a.job("b", "bad")
			a.wait()
			a.job("c", "bad")
			a.job("d", "b")
			close(a.send)
		}, "bad b<bad c<bad d<bad"},
		{"skips what depends on an unknown job, on itself, or on one that comes later", four, func(_ *testing.T, a *arriving, _ func()) {
			a.job("a", "b")
			a.job("self", "self")
			a.job("b")
			a.job("c", "a")
			close(a.send)
		}, "a<b self<self b c<b"},
		{"drops a second job with the ID of one that has not ended", four, func(_ *testing.T, a *arriving, _ func()) {
			a.job("a")
			a.job("a", "unknown")
			a.job("b", "a")
			a.job("b")
			close(a.send)
		}, "a b"},
		{"takes an ID again once its job has ended, as a new job", four, func(_ *testing.T, a *arriving, _ func()) {
			a.job("bad")
			a.wait()
			a.job("bad")
			a.wait()
			a.job("a")
			a.wait()
			a.job("a", "bad")
			a.job("b", "a")
			close(a.send)
		}, "bad bad a a<bad b<bad"},
		{"leaves a new job alone when what an earlier one with its ID depended on fails", four, func(_ *testing.T, a *arriving, _ func()) {
			a.job("bad")
			time.Sleep(time.Second / 2)
			a.job("bad2")
			a.job("a", "bad", "bad2")
			time.Sleep(time.Second * 3 / 4) // bad has failed, bad2 has not
			a.job("b")
			a.job("a", "b")
			close(a.send)
		}, "bad bad2 a<bad b a"},
		{"keeps to slots and to the order of arrival", Options{Slots: 1}, func(_ *testing.T, a *arriving, _ func()) {
			a.job("a")
			a.job("b")
			a.job("c")
			a.log.add("|")
			close(a.send)
		}, "a | b c"},
		{"starts nothing that arrives after a failure that stops the run, and waits for the sender", Options{Slots: 1, StopAtFailure: true},
			func(t *testing.T, a *arriving, _ func()) {
				a.job("bad")
				a.wait()
				a.job("b", "bad")
				a.job("c")
				a.wait()
				select {
				case <-a.over:
					t.Error("it did not wait")
				default:
				}
				close(a.send)
			}, "bad b<bad c<"},
		{"returns when the context ends, although the sender goes on", four, func(_ *testing.T, a *arriving, cancel func()) {
			a.job("a")
			a.job("b", "a")
			cancel()
		}, "a b<"},
		{"returns when the context ends while nothing runs", four, func(_ *testing.T, _ *arriving, cancel func()) {
			time.Sleep(time.Second)
			cancel()
		}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			arrive(t, tt.o, func(a *arriving, cancel func()) {
				tt.play(t, a, cancel)
				<-a.over
				if got := a.log.String(); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
	t.Run("puts those that arrive at their place in the order of starts", func(t *testing.T) {
		l := newLedger([]Job{{ID: "a", Estimate: Estimate{Length: 5}}, {ID: "b", Estimate: Estimate{Length: 3}}}, Options{Slots: 1})
		l.arrive(Job{ID: "c", Estimate: Estimate{Length: 4}})
		l.arrive(Job{ID: "d", After: []string{"b"}, Estimate: Estimate{Length: 3}})
		var got []string
		for range 4 {
			j := l.admit(Memory{})[0]
			got = append(got, j.ID)
			l.end(j, Outcome{})
		}
		if want := "b a c d"; join(got) != want {
			t.Errorf("started %q, want %q: b became the longest path", join(got), want)
		}
	})
}
