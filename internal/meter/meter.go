// Package meter measures the memory of a run while it lasts: the process tree of each
// task, and the whole run against its budget. One look at the process table serves all
// of them.
//
// A sample every 250 ms (every 50 ms while usage is high) takes about 0.5 % of a core
// with 50 processes.
package meter

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/memtools"
)

const (
	calm  = 250 * time.Millisecond // between two samples
	tense = 50 * time.Millisecond  // while usage is above normal
	// fresh is the age up to which a sample is as good as a new one. What happens
	// within that time is not seen anyway.
	fresh = 5 * time.Millisecond

	defaultTick = 30 * time.Second
)

// Reading is one measurement of the whole run.
type Reading struct {
	Time time.Time
	// Usage is the usage of this process and of every tree.
	Usage memtools.Bytes
	// Rest is the part of Usage that belongs to no tree.
	Rest memtools.Bytes
	// Available is what the run can still get before the kernel acts.
	Available memtools.Bytes
	// Trees are the usages of the trees by id. The map never changes.
	Trees map[string]memtools.Bytes
	// Budget is what the run may use at this moment; see budget.Now.
	Budget memtools.Bytes
	// Level compares Usage with Budget.
	Level memtools.Pressure
}

// Options configure a Meter. The callbacks come from the goroutine of Run; nil ones
// are not called.
type Options struct {
	// Budget is the most that the run may use.
	Budget memtools.Bytes
	// Thresholds decide Reading.Level. Zero fields mean 0.75 and 0.90.
	Thresholds memtools.Thresholds
	// Tick is the time between two calls of OnTick. Zero or less means 30 s.
	Tick   time.Duration
	OnTick func(Reading)
	// OnLevel is called when the level rises, and when it falls back to normal.
	OnLevel func(Reading)
	// OnSample is called after each sample.
	OnSample func(Reading)
	// OnCritical is called after each critical sample.
	OnCritical func(Reading)
}

// Meter measures one run. It is safe for concurrent use.
type Meter struct {
	o       Options
	tracker *memtools.Tracker

	mu   sync.Mutex // guards last
	last Reading
}

// New returns a meter that has taken a first sample.
func New(o Options) (*Meter, error) {
	tracker, err := memtools.NewTracker()
	if err != nil {
		return nil, err
	}
	if o.Tick <= 0 {
		o.Tick = defaultTick
	}
	m := &Meter{o: o, tracker: tracker}
	if _, err := m.sample(); err != nil {
		return nil, errors.Join(err, tracker.Close())
	}
	return m, nil
}

// Close releases what the meter holds. Run must have returned.
func (m *Meter) Close() error { return m.tracker.Close() }

// Run samples until ctx is done.
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
			call(m.o.OnTick, m.Now())
		case <-next.C:
			now := m.Now()
			level = m.report(now, level)
			if now.Level == memtools.Normal {
				next.Reset(calm)
			} else {
				next.Reset(tense)
			}
		}
	}
}

// report makes the callbacks for a sample. It takes and returns the last level that
// OnLevel was called with.
func (m *Meter) report(now Reading, level memtools.Pressure) memtools.Pressure {
	call(m.o.OnSample, now)
	fell := now.Level == memtools.Normal && level != memtools.Normal
	if now.Level > level || fell {
		level = now.Level
		call(m.o.OnLevel, now)
	}
	if now.Level == memtools.Critical {
		call(m.o.OnCritical, now)
	}
	return level
}

func call(callback func(Reading), r Reading) {
	if callback != nil {
		callback(r)
	}
}

// Now takes a sample, unless one was just taken. If that fails it returns the last one.
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
	now := Reading{
		Time: s.Time, Usage: s.Total, Rest: s.Total, Trees: make(map[string]memtools.Bytes, len(s.Trees)),
		Budget: m.o.Budget, Available: max(0, m.o.Budget-s.Total),
	}
	if available, err := memtools.Available(); err == nil {
		now.Budget, now.Available = budget.Now(m.o.Budget, s.Total, available), available
	}
	now.Level = m.o.Thresholds.Level(now.Usage, now.Budget)
	for id, tree := range s.Trees {
		now.Trees[id] = tree.Usage
		now.Rest -= tree.Usage
	}
	return m.keep(now), nil
}

// keep remembers a reading, and returns the last one.
func (m *Meter) keep(now Reading) Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !now.Time.Before(m.last.Time) { // otherwise another goroutine's sample was faster
		m.last = now
	}
	return m.last
}

// Last returns the last sample.
func (m *Meter) Last() Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Begin starts to count the process pid, with all that it starts or marks, under id.
func (m *Meter) Begin(id string, pid int) { m.tracker.Track(id, pid) }

// BeginOne starts to count the process pid alone under id, such as a helper of this
// process.
func (m *Meter) BeginOne(id string, pid int) { m.tracker.TrackOne(id, pid) }

// End stops counting under id. It returns the peak usage and the processor time that
// samples have seen. maxRSS is the highest resident set of a single process as the
// kernel saw it (ru_maxrss): what it shows beyond the samples they have missed, so it
// is added to the peak.
func (m *Meter) End(id string, maxRSS memtools.Bytes) (peak memtools.Bytes, cpu time.Duration) {
	m.Now()
	sum := m.tracker.Untrack(id)
	return sum.Peak + max(0, maxRSS-sum.MaxRSS), sum.CPU
}
