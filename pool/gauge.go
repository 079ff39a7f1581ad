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
	// settled is how old a measurement may be to decide about recycling: in so
	// short a time a worker cannot grow much.
	settled = 5 * time.Millisecond
)

// gauge measures the workers, one measurement at a time. It has a goroutine,
// since reading the process table takes too long under the dispatcher's lock.
type gauge struct {
	tracker *memtools.Tracker
	key     func(worker int) string // the name of a worker in samples
	ask     chan struct{}           // closed by close
	samples chan memtools.Sample    // a failed one has zero Time; closed by run
	asked   bool                    // a sample is under way; guarded by the dispatcher's lock
}

func newGauge(t *memtools.Tracker, key func(worker int) string) *gauge {
	return &gauge{tracker: t, key: key, ask: make(chan struct{}, 1), samples: make(chan memtools.Sample, 1)}
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
	for range g.samples { // one may be under way
	}
	_ = g.tracker.Close() // nothing is written
}

// measures reports whether workers change and must be measured.
func (d *dispatcher) measures() bool {
	if d.gauge == nil {
		return false
	}
	for _, s := range d.slots {
		if s.state == Busy || s.dirty {
			return true
		}
	}
	return false
}

// tooLarge reports whether s is to be replaced.
func (d *dispatcher) tooLarge(s *slot) bool {
	return d.o.RecycleMemory > 0 && s.usage >= d.o.RecycleMemory
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
		if tree, ok := sample.Trees[d.gauge.key(s.number)]; ok && len(tree.Processes) > 0 {
			s.usage, s.peak = tree.Usage, max(s.peak, tree.Peak)
			d.sums.Peak = max(d.sums.Peak, s.peak)
		}
		switch {
		case !s.settling:
		case !failed && s.since.After(sample.Time): // the sample is older than its end of work
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

// byUsage returns the idle workers, the largest first.
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
