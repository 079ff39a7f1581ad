package schedule

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// scenario is a graph of jobs and all that will happen to it.
type scenario struct {
	budget        memtools.Bytes
	slots         int
	stopAtFailure bool
	// probes is how many probes may run at once. Zero means that there are none.
	probes int
	// cancel is when the context ends. Zero means never.
	cancel time.Duration
	jobs   []fakeJob
}

// fakeJob is a job and what its probe and its attempts do.
type fakeJob struct {
	Job
	// outcomes are those of its attempts. The last is Done or Failed.
	outcomes []Outcome
	takes    time.Duration
	used     memtools.Bytes
	// hit is true if the probe ends the job with found.
	hit        bool
	found      Result
	probeTakes time.Duration
	// arrives is when the job arrives. Zero means that Run is given it. No job
	// arrives before those that stand in front of it.
	arrives time.Duration
}

// atOnce is the same scenario without arrivals.
func (s scenario) atOnce() scenario {
	s.jobs = slices.Clone(s.jobs)
	for i := range s.jobs {
		s.jobs[i].arrives = 0
	}
	return s
}

// play is one run of a scenario. It watches what Run does and notes all that it
// must not do.
type play struct {
	scenario
	began    time.Time
	returned time.Duration

	mu       sync.Mutex // guards all below
	byID     map[string]*fakeJob
	running  map[string]*fakeAttempt
	sent     map[string][]Outcome // outcomes of a job's attempts so far
	queued   map[string]bool
	asked    map[string]bool
	fates    map[string]string // done, failed or skipped
	probing  int
	stopped  time.Duration // when something failed that stops the run, or the context ended
	breaches []string
}

// run plays a scenario in a bubble, in which time passes only while everything
// waits: an attempt holds its slot and its memory for as long as it takes. A run that
// stands still panics there.
func (s scenario) run(t *testing.T) *play {
	p := &play{scenario: s, byID: map[string]*fakeJob{}, running: map[string]*fakeAttempt{}, sent: map[string][]Outcome{},
		queued: map[string]bool{}, asked: map[string]bool{}, fates: map[string]string{}, stopped: math.MaxInt64}
	synctest.Test(t, func(t *testing.T) {
		p.began = time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if s.cancel > 0 {
			time.AfterFunc(s.cancel, func() { p.stop(); cancel() })
		}
		o := Options{Slots: s.slots, CPUs: 100, Memory: p.memory, StopAtFailure: s.stopAtFailure, Queued: p.queue, Skipped: p.skip}
		if s.probes > 0 {
			o.Probe, o.Probes = p.probe, s.probes
		}
		var first []Job
		var later []fakeJob
		for i := range s.jobs {
			j := s.jobs[i]
			p.byID[j.ID] = &j
			if j.arrives > 0 {
				later = append(later, j)
			} else {
				first = append(first, j.Job)
			}
		}
		if later != nil {
			arrivals := make(chan Job)
			o.Arrivals = arrivals
			go p.send(ctx, arrivals, later)
		}
		Run(ctx, first, o, p.start)
		p.returned = p.now()
	})
	p.check()
	return p
}

func (p *play) now() time.Duration { return time.Since(p.began) }

// breach notes what must not happen. p.mu is held.
func (p *play) breach(format string, a ...any) {
	p.breaches = append(p.breaches, fmt.Sprintf("at %v: ", p.now())+fmt.Sprintf(format, a...))
}

func (p *play) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = min(p.stopped, p.now())
}

// send leaves the channel open when the context ends: Run must return all the same.
func (p *play) send(ctx context.Context, arrivals chan<- Job, later []fakeJob) {
	for _, j := range later {
		select {
		case <-time.After(j.arrives - p.now()):
		case <-ctx.Done():
			return
		}
		select {
		case arrivals <- j.Job:
		case <-ctx.Done():
			return
		}
	}
	close(arrivals)
}

func (p *play) memory() Memory {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := Memory{Budget: p.budget, Available: 1 << 50, Tasks: map[string]memtools.Bytes{}}
	for id := range p.running {
		m.Tasks[id] = p.byID[id].used
		m.Usage += p.byID[id].used
	}
	return m
}

// inOrder checks that what the job depends on has succeeded, and that it is not too
// late to do anything. p.mu is held.
func (p *play) inOrder(what, id string) {
	for _, a := range p.byID[id].After {
		if p.fates[a] != "done" {
			p.breach("%s %s before %s had succeeded", what, id, a)
		}
	}
	for _, f := range p.byID[id].Follows {
		if p.fates[f] == "" {
			p.breach("%s %s before %s had ended", what, id, f)
		}
	}
	if p.fates[id] != "" {
		p.breach("%s %s, which is %s", what, id, p.fates[id])
	}
	if p.now() > p.stopped {
		p.breach("%s %s after the stop at %v", what, id, p.stopped)
	}
}

func (p *play) queue(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inOrder("queued", id)
	if p.queued[id] {
		p.breach("queued %s twice", id)
	}
	p.queued[id] = true
}

func (p *play) skip(id, because string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if because != "" && p.fates[because] != "failed" || because == "" && p.stopped == math.MaxInt64 {
		p.breach("skipped %s because of %q", id, because)
	}
	p.settle(id, "skipped")
}

// settle notes the end of a job. p.mu is held.
func (p *play) settle(id, fate string) {
	if p.fates[id] != "" {
		p.breach("%s is %s and %s", id, p.fates[id], fate)
	}
	p.fates[id] = fate
	if fate == "failed" && p.stopAtFailure {
		p.stopped = min(p.stopped, p.now())
	}
}

func fateOf(r Result) string { return map[Result]string{Done: "done", Failed: "failed"}[r] }

func (p *play) probe(ctx context.Context, id string) (Outcome, bool) {
	p.mu.Lock()
	j := p.byID[id]
	p.inOrder("probed", id)
	if p.asked[id] || !p.queued[id] || p.sent[id] != nil {
		p.breach("probed %s: asked before %v, queued %v, run %v", id, p.asked[id], p.queued[id], p.sent[id])
	}
	p.asked[id] = true
	if p.probing++; p.probing > p.probes {
		p.breach("%d probes at once", p.probing)
	}
	p.mu.Unlock()
	cut := false
	select {
	case <-time.After(j.probeTakes):
	case <-ctx.Done():
		cut = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probing--
	if j.hit && !cut {
		p.settle(id, fateOf(j.found))
	}
	return Outcome{Result: j.found}, j.hit && !cut
}

// start begins an attempt, and checks that there is room for it. A guest
// needs only half of its need to be free.
func (p *play) start(ctx context.Context, g Grant) Attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := p.byID[g.ID]
	p.inOrder("started", g.ID)
	if !p.queued[g.ID] || p.probes > 0 && !p.asked[g.ID] || p.probes > 0 && j.hit && g.Attempt == 1 {
		p.breach("started %s: queued %v, probed %v, found %v", g.ID, p.queued[g.ID], p.asked[g.ID], j.hit)
	}
	if before := p.sent[g.ID]; g.Attempt != len(before)+1 || !slices.Equal(g.Before, before) {
		p.breach("attempt %d at %s has %v before it, not %v", g.Attempt, g.ID, g.Before, before)
	}
	for _, o := range p.sent[g.ID] {
		if o.Alone && !g.Alone || o.Need > g.Need {
			p.breach("%s gets %v, alone %v after %v", g.ID, g.Need, g.Alone, o)
		}
	}
	var reserved memtools.Bytes
	for _, other := range p.running {
		if reserved += other.Need; other.Alone || g.Alone {
			p.breach("started %s beside %s: one of them is to be alone", g.ID, other.ID)
		}
	}
	if len(p.running) > 0 && reserved+g.Need/2 > p.budget {
		p.breach("started %s of %v beside %v in %v", g.ID, g.Need, reserved, p.budget)
	}
	a := &fakeAttempt{play: p, Grant: g, orders: make(chan kind, 100), done: make(chan Outcome, 1)}
	if p.running[g.ID] = a; len(p.running) > p.slots {
		p.breach("%d in %d slots", len(p.running), p.slots)
	}
	go a.run(ctx)
	return a
}

// check looks at how it all ended.
func (p *play) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.jobs {
		if j.arrives > 0 && p.cancel > 0 && j.arrives >= p.cancel && p.fates[j.ID] == "" {
			continue // it never arrived
		}
		blocked := slices.ContainsFunc(j.After, func(a string) bool { return p.fates[a] != "done" })
		switch fate := p.fates[j.ID]; {
		case fate == "":
			p.breach("%s has no end", j.ID)
		case fate == "skipped" && !blocked && p.stopped == math.MaxInt64, fate != "skipped" && blocked:
			p.breach("%s is %s, blocked %v", j.ID, fate, blocked)
		}
	}
	if p.cancel > 0 && p.returned > p.cancel {
		p.breach("returned %v after the context had ended", p.returned-p.cancel)
	}
	if last := p.jobs[len(p.jobs)-1].arrives; p.cancel == 0 && p.returned < last {
		p.breach("returned before the last had arrived")
	}
}
