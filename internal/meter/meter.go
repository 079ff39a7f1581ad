// Package meter measures the memory of a run while it lasts: each task's
// process tree, the whole run against its budget, and what the kernel killed.
// It samples the process table once for all of them.
package meter

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// The times between two samples: usually, and while usage is above warning.
const (
	calm  = 250 * time.Millisecond
	tense = 50 * time.Millisecond
)

// Reading is one measurement of the whole run.
type Reading struct {
	Time time.Time
	// Usage is that of this process and of every process below it, Rest the part
	// of it that belongs to no tree.
	Usage, Rest memtools.Bytes
	// Available is what the run can still take before the kernel acts.
	Available memtools.Bytes
	// Trees are the usages of the trees, by id. It is not changed afterwards.
	Trees map[string]memtools.Bytes
	// Budget is what the run may use at this moment: what was configured, or
	// less where others use the machine's memory.
	Budget memtools.Bytes
	Level  memtools.Pressure
}

// Options set up a Meter.
type Options struct {
	// Budget is the most that the run may use.
	Budget memtools.Bytes
	// Thresholds decide a reading's level. Zero means memtools.DefaultThresholds.
	Thresholds memtools.Thresholds
	// Tick is the time between two calls of OnTick. Zero means 30 s.
	Tick   time.Duration
	OnTick func(Reading)
	// OnLevel is called when the level rises, and when it falls back to normal.
	OnLevel func(Reading)
	// OnSample is called after each sample.
	OnSample func(Reading)
	// OnCritical is called with each critical sample.
	OnCritical func(Reading)
}

// Meter measures one run. Its methods may be called by many goroutines.
type Meter struct {
	o       Options
	tracker *memtools.Tracker

	mu   sync.Mutex // guards all below
	last Reading
	peak memtools.Bytes
	// area is the integral of usage over time, in bytes times seconds.
	area float64
	// largest is the highest resident set of any one process of a tree, by id.
	largest map[string]memtools.Bytes
}

// New returns a meter that has taken a first sample.
func New(o Options) (*Meter, error) {
	tracker, err := memtools.NewTracker()
	if err != nil {
		return nil, err
	}
	if o.Tick <= 0 {
		o.Tick = 30 * time.Second
	}
	m := &Meter{o: o, tracker: tracker, largest: map[string]memtools.Bytes{}}
	if _, err := m.sample(); err != nil {
		return nil, errors.Join(err, tracker.Close())
	}
	return m, nil
}

// Close gives back what the meter holds. Run must have returned.
func (m *Meter) Close() error { return m.tracker.Close() }

// Run samples until ctx is done. Its callbacks come from one goroutine.
func (m *Meter) Run(ctx context.Context) {
	tick := time.NewTicker(m.o.Tick)
	defer tick.Stop()
	next := time.NewTimer(calm)
	defer next.Stop()
	level := memtools.Normal
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if m.o.OnTick != nil {
				m.o.OnTick(m.Now())
			}
		case <-next.C:
			now := m.Now()
			if m.o.OnSample != nil {
				m.o.OnSample(now)
			}
			fell := now.Level == memtools.Normal && level != memtools.Normal
			if (now.Level > level || fell) && m.o.OnLevel != nil {
				m.o.OnLevel(now)
			}
			if now.Level > level || fell {
				level = now.Level
			}
			if now.Level == memtools.Critical && m.o.OnCritical != nil {
				m.o.OnCritical(now)
			}
			if now.Level == memtools.Normal {
				next.Reset(calm)
			} else {
				next.Reset(tense)
			}
		}
	}
}

// fresh is up to which age a sample is as good as a new one: what happens in
// that time is not seen anyway.
const fresh = 5 * time.Millisecond

// Now takes a sample, unless one was just taken. Where that fails it returns the
// one before.
func (m *Meter) Now() Reading {
	if last := m.Last(); time.Since(last.Time) < fresh {
		return last
	}
	now, err := m.sample()
	if err != nil {
		return m.Last()
	}
	return now
}

func (m *Meter) sample() (Reading, error) {
	s, err := m.tracker.Sample()
	if err != nil {
		return Reading{}, err
	}
	now := Reading{Time: s.Time, Usage: s.Total, Rest: s.Total, Budget: m.o.Budget, Available: max(0, m.o.Budget-s.Total), Trees: make(map[string]memtools.Bytes, len(s.Trees))}
	if available, err := memtools.Available(); err == nil {
		now.Budget, now.Available = bounded(m.o.Budget, s.Total, available), available
	}
	now.Level = m.o.Thresholds.Level(now.Usage, now.Budget)
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, tree := range s.Trees {
		now.Trees[id] = tree.Usage
		now.Rest -= tree.Usage
		if _, counted := m.largest[id]; !counted {
			continue // it has ended since
		}
		for _, p := range tree.Processes {
			m.largest[id] = max(m.largest[id], p.RSS)
		}
	}
	m.peak = max(m.peak, s.Total)
	if now.Time.Before(m.last.Time) { // another goroutine's sample was faster
		return m.last, nil
	}
	if !m.last.Time.IsZero() {
		m.area += float64(m.last.Usage+now.Usage) / 2 * now.Time.Sub(m.last.Time).Seconds()
	}
	m.last = now
	return m.last, nil
}

// Reserve is what is left free of a memory of the given size, for what nobody
// foresees: its twentieth, but 128 MB at least; of less than a gigabyte its eighth,
// but 64 MB at least.
func Reserve(total memtools.Bytes) memtools.Bytes {
	return max(total/20, min(total/8, 128*memtools.MB), 64*memtools.MB)
}

// bounded is the budget at this moment: what was configured, but no more than
// the run has and can still get, less the reserve.
func bounded(configured, usage, available memtools.Bytes) memtools.Bytes {
	return max(min(configured, usage+available-Reserve(configured)), 1)
}

// Last is the last sample.
func (m *Meter) Last() Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Peak is the highest usage of the whole run so far.
func (m *Meter) Peak() memtools.Bytes {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peak
}

// Area is the integral of usage over time so far, in bytes times seconds.
func (m *Meter) Area() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.area
}

// Begin counts the process pid, with all that it starts or marks, under id.
func (m *Meter) Begin(id string, pid int) {
	m.mu.Lock()
	m.largest[id] = 0
	m.mu.Unlock()
	m.tracker.Track(id, pid)
}

// BeginOne counts the process pid alone under id: a helper of this process.
func (m *Meter) BeginOne(id string, pid int) { m.tracker.TrackOne(id, pid) }

// End ends the counting under id and returns its peak usage and the processor
// time that samples saw. maxRSS is the highest resident set of any of its
// processes as the kernel saw it (ru_maxrss): what it shows beyond the samples was
// missed by them, and is added.
func (m *Meter) End(id string, maxRSS memtools.Bytes) (peak memtools.Bytes, cpu time.Duration) {
	m.Now()
	sum := m.tracker.Untrack(id)
	m.mu.Lock()
	defer m.mu.Unlock()
	missed := max(0, maxRSS-m.largest[id])
	delete(m.largest, id)
	return sum.Peak + missed, sum.CPU
}
