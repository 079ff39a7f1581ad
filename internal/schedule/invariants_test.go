package schedule

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// drawScenario draws any graph. Its attempts keep to their needs; those that do not
// are the simulator's.
func drawScenario(t *rapid.T) scenario {
	const unit = 32 * memtools.MB
	some := func(label string, one int) bool { return rapid.IntRange(1, one).Draw(t, label) == 1 }
	size := func(label string, most int) memtools.Bytes {
		return memtools.Bytes(rapid.IntRange(0, most).Draw(t, label)) * unit
	}
	span := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * 100 * time.Millisecond
	}
	s := scenario{budget: unit + size("budget", 40), slots: rapid.IntRange(1, 6).Draw(t, "slots")}
	for i := range rapid.IntRange(1, 25).Draw(t, "jobs") {
		j := fakeJob{takes: span("takes", 9), probeTakes: span("probe takes", 3), hit: some("hit", 3)}
		j.ID, j.Need, j.Length = fmt.Sprint(i), size("need", 50), span("length", 9)
		j.used = j.Need * memtools.Bytes(rapid.IntRange(0, 90).Draw(t, "used")) / 100
		for k := range i {
			if some("edge", 4) {
				j.After = append(j.After, fmt.Sprint(k))
			}
			if some("follows", 8) {
				j.Follows = append(j.Follows, fmt.Sprint(k))
			}
		}
		for some("again", 6) && len(j.outcomes) < 3 {
			j.outcomes = append(j.outcomes, Outcome{Result: Again, Need: size("more", 50), HeapLimit: size("heap", 50), Alone: some("alone", 2), Cause: oom.V8Heap})
		}
		j.outcomes = append(j.outcomes, Outcome{})
		if some("fails", 10) {
			j.outcomes[len(j.outcomes)-1] = Outcome{Result: Failed, Cause: oom.Failure}
		}
		if some("probe fails", 10) {
			j.found = Failed
		}
		s.jobs = append(s.jobs, j)
	}
	return s
}

// drawArrivals has the jobs from some on arrive later.
func drawArrivals(t *rapid.T, s scenario) scenario {
	at := time.Duration(0)
	for i := rapid.IntRange(0, len(s.jobs)-1).Draw(t, "first"); i < len(s.jobs); i++ {
		at += time.Duration(rapid.IntRange(0, 8).Draw(t, "pause")) * 50 * time.Millisecond
		s.jobs[i].arrives = at + 1
	}
	return s
}

// holds checks a property of a scenario that is drawn.
func holds(t *testing.T, draw func(*rapid.T) scenario, also func(*rapid.T, *play)) {
	rapid.Check(t, func(r *rapid.T) {
		p := draw(r).run(t)
		for _, b := range p.breaches {
			r.Error(b)
		}
		if also != nil {
			also(r, p)
		}
	})
}

// TestInvariants holds for any graph: every job ends exactly once and never before
// those that it depends on or follows, slots and budget are kept, every attempt knows those
// before it, and no run stands still.
func TestInvariants(t *testing.T) { holds(t, drawScenario, nil) }

// TestProbeInvariants: with probes all of that holds too. Each job is probed once and
// before its first attempt, what a probe has found never starts, and no more probes
// run than may.
func TestProbeInvariants(t *testing.T) {
	holds(t, func(r *rapid.T) scenario {
		s := drawScenario(r)
		s.probes = rapid.IntRange(1, 4).Draw(r, "probes")
		return s
	}, nil)
}

// TestArrivalInvariants: however late jobs arrive, each ends as it would have if all
// had been there from the start.
func TestArrivalInvariants(t *testing.T) {
	holds(t, func(r *rapid.T) scenario {
		s := drawScenario(r)
		s.probes = rapid.IntRange(0, 4).Draw(r, "probes")
		return drawArrivals(r, s)
	}, func(r *rapid.T, p *play) {
		if all := p.atOnce().run(t); !maps.Equal(p.fates, all.fates) {
			r.Errorf("with arrivals %v, at once %v", p.fates, all.fates)
		}
	})
}

// TestStopInvariants: nothing begins after the context has ended or a failure stopped
// the run, and Run returns at once when the context ends.
func TestStopInvariants(t *testing.T) {
	holds(t, func(r *rapid.T) scenario {
		s := drawScenario(r)
		s.probes = rapid.IntRange(0, 4).Draw(r, "probes")
		if s = drawArrivals(r, s); rapid.Bool().Draw(r, "cancelled") {
			s.cancel = time.Duration(rapid.IntRange(1, 3000).Draw(r, "cancel")) * time.Millisecond
		} else {
			s.stopAtFailure = true
		}
		return s
	}, nil)
}
