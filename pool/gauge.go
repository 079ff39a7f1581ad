package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

const (
	// sampleInterval is the time between two measurements while tasks run.
	sampleInterval = 250 * time.Millisecond
	// settled is how old a measurement may be to decide about recycling: so much
	// time is no memory to speak of.
	settled = 5 * time.Millisecond
)

// gauge measures the workers in a goroutine of its own, one measurement at a
// time, since a look at the process table is too long under the lock.
type gauge struct {
	tracker *memtools.Tracker
	ask     chan struct{}        // closed by close
	samples chan memtools.Sample // a failed one has no time; closed by run
	asked   bool                 // a sample is under way; of the dispatcher
}

func newGauge(t *memtools.Tracker) *gauge {
	return &gauge{tracker: t, ask: make(chan struct{}, 1), samples: make(chan memtools.Sample, 1)}
}

func (g *gauge) run() {
	defer close(g.samples)
	for range g.ask {
		s, err := g.tracker.Sample()
		if err != nil {
			s = memtools.Sample{}
		}
		g.samples <- s
	}
}

// request asks for a sample, unless one is under way.
func (g *gauge) request() {
	if !g.asked {
		g.asked = true
		g.ask <- struct{}{}
	}
}

// close ends run and waits for it.
func (g *gauge) close() {
	close(g.ask)
	for range g.samples { // the last one that was asked for
	}
	_ = g.tracker.Close() // nothing is written
}

// measured takes a sample, and decides about the workers that waited for it.
func (d *dispatcher) measured(sample memtools.Sample) {
	d.gauge.asked = false
	failed := sample.Time.IsZero()
	if !failed {
		d.sampled = sample.Time
	}
	again := false
	for _, s := range d.slots {
		s.dirty = s.dirty && s.since.After(sample.Time)
		if tree, ok := sample.Trees[s.id]; ok && len(tree.Processes) > 0 {
			s.usage, s.peak = tree.Usage, max(s.peak, tree.Peak)
			d.sums.Peak = max(d.sums.Peak, s.peak)
		}
		switch {
		case !s.settling:
		case !failed && s.since.After(sample.Time): // it still worked then
			again = true
		case d.tooLarge(s):
			d.recycle(s, "its memory has grown")
		default:
			s.enter(Idle)
		}
	}
	if again {
		d.gauge.request()
	}
}

// byUsage are the idle workers, the largest first.
func (d *dispatcher) byUsage() []*slot {
	var idle []*slot
	for _, s := range d.slots {
		if s.state == Idle {
			idle = append(idle, s)
		}
	}
	slices.SortFunc(idle, func(a, b *slot) int { return cmp.Compare(b.usage, a.usage) })
	return idle
}
