// Package meter measures the memory of a run while it lasts: the process tree of each
// task, and the whole run against its budget. One look at the process table serves all
// of them.
//
// A sample every 250 ms (every 50 ms while usage is high or grows fast) takes about 0.5 %
// of a core with 50 processes.
package meter

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/taskcgroup"
	"github.com/heapmage/heapmage/memtools"
)

const (
	calm  = 250 * time.Millisecond // between two samples
	tense = 50 * time.Millisecond  // while usage is above normal, or soon may be
	// soon is how long memory must last at the present growth for samples to be calm.
	soon = time.Second
	// stalled is the share of time in a wait for memory from which samples are not calm.
	stalled = 0.1
	// fresh is the age up to which a sample is as good as a new one. What happens
	// within that time is not seen anyway.
	fresh = 5 * time.Millisecond

	defaultTick = 30 * time.Second
)

// Reading is one measurement of the whole run.
type Reading struct {
	Time time.Time
	// Usage is the usage of this process and of every tree, and what came since the
	// start to shared memory that no process maps, such as files in /dev/shm.
	Usage memtools.Bytes
	// Rest is the part of Usage that belongs to no tree.
	Rest memtools.Bytes
	// Available is what the run can still get before the kernel acts, and Swap how much
	// more before it kills.
	Available, Swap memtools.Bytes
	// Stalled is the share of the time since the last sample, 0 to 1, for which some
	// process waited for memory. Zero if the system does not tell.
	Stalled float64
	// Trees are the usages of the trees by id. The map never changes.
	Trees map[string]memtools.Bytes
	// CPU are the processor times of the trees by id, up to a second old. They tell by their
	// differences whether a tree does something; what has ended may count twice. Nil if
	// the system does not tell. The map never changes.
	CPU map[string]time.Duration
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
	// Cgroups holds the cgroups of tasks. Nil means that they have none.
	Cgroups *taskcgroup.Run
}

// Meter measures one run. It is safe for concurrent use.
type Meter struct {
	o       Options
	tracker *memtools.Tracker
	begun   chan struct{} // holds a value if a tree has begun since Run last looked; never closed

	sampling sync.Mutex // held during a sample; guards all below
	tasks    map[string]bool
	shmem    *shmem
	groups   map[string]*group
	stall    stall
	times    map[string]time.Duration // the last Reading.CPU

	mu     sync.Mutex // guards what follows
	last   Reading
	crowds map[string]crowd // by the id of a tree
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
	m := &Meter{o: o, tracker: tracker, begun: make(chan struct{}, 1), tasks: map[string]bool{}, shmem: newShmem(), groups: map[string]*group{}, crowds: map[string]crowd{}}
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
	next, due := time.NewTimer(calm), time.Now().Add(calm)
	defer next.Stop()
	wait := func(d time.Duration) {
		if d == calm {
			if d = clock.Aligned(calm); d < tense {
				d += calm
			}
		}
		next.Reset(d)
		due = time.Now().Add(d)
	}
	last, level := m.Last(), memtools.Normal
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			call(m.o.OnTick, m.Now())
		case <-m.begun: // what it does at once should not be missed
			if time.Until(due) > tense {
				wait(tense)
			}
		case <-next.C:
			now := m.Now()
			level = m.report(now, level)
			wait(pause(last, now))
			last = now
		}
	}
}

// pause is the time from the sample now to the next one. last is the one before.
func pause(last, now Reading) time.Duration {
	growth := float64(now.Usage - last.Usage)
	if now.Level != memtools.Normal || now.Stalled >= stalled || growth*soon.Seconds() > float64(now.Available)*now.Time.Sub(last.Time).Seconds() {
		return tense
	}
	return calm
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
	m.sampling.Lock()
	defer m.sampling.Unlock()
	s, err := m.tracker.Sample()
	if err != nil {
		return Reading{}, err
	}
	tasks := make(map[string]memtools.Tree, len(m.tasks))
	for id := range m.tasks {
		tasks[id] = s.Trees[id]
	}
	usage := s.Total
	if m.o.Cgroups == nil {
		m.shmem.note(s.Unmapped, tasks)
		usage += s.Unmapped
	}
	for id, g := range m.groups {
		usage += g.note(tasks[id]) - tasks[id].Usage
	}
	if m.o.Cgroups != nil {
		usage += m.o.Cgroups.Left()
	}
	now := Reading{
		Time: s.Time, Usage: usage, Rest: usage, Trees: make(map[string]memtools.Bytes, len(s.Trees)),
		Budget: m.o.Budget, Available: max(0, m.o.Budget-usage),
	}
	if room, err := memtools.ReadHeadroom(); err == nil {
		now.Budget, now.Available, now.Swap = budget.Now(m.o.Budget, usage, room.Available), room.Available, room.Swap
		now.Stalled = m.stall.note(now.Time, room.Stalled)
	}
	now.CPU = m.cpu(s.Trees)
	now.Level = m.o.Thresholds.Level(now.Usage, now.Budget)
	for id, tree := range s.Trees {
		now.Trees[id] = tree.Usage + m.shmem.of[id]
		if g := m.groups[id]; g != nil {
			now.Trees[id] = g.usage
		}
		now.Rest -= now.Trees[id]
		m.count(id, tree)
	}
	return m.keep(now), nil
}

// cpu returns the processor times of the trees. They are read less often than the memory, so
// the last map mostly still holds. m.sampling is held.
func (m *Meter) cpu(trees map[string]memtools.Tree) map[string]time.Duration {
	if runtime.GOOS != "linux" {
		return nil
	}
	same := len(m.times) == len(trees)
	for id, tree := range trees {
		known, ok := m.times[id]
		same = same && ok && known == tree.CPU+tree.ChildCPU
	}
	if !same {
		m.times = make(map[string]time.Duration, len(trees))
		for id, tree := range trees {
			m.times[id] = tree.CPU + tree.ChildCPU
		}
	}
	return m.times
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

// Begin starts to count the process pid, with all that it starts or marks, under id. in is
// the cgroup that holds it and nothing else; nil means none.
func (m *Meter) Begin(id string, pid int, in *taskcgroup.Group) {
	m.sampling.Lock()
	defer m.sampling.Unlock()
	m.tasks[id] = true
	if in != nil {
		m.groups[id] = &group{Group: in}
	}
	m.tracker.Track(id, pid)
	select {
	case m.begun <- struct{}{}:
	default:
	}
}

// BeginOne starts to count the process pid alone under id, such as a helper of this
// process.
func (m *Meter) BeginOne(id string, pid int) { m.tracker.TrackOne(id, pid) }

// End stops counting under id. It returns the peak usage and the processor time that
// samples have seen. maxRSS is the highest resident set of a single process as the
// kernel saw it (ru_maxrss), zero if unknown: what it shows beyond the samples they have
// missed, so it is added to the peak.
func (m *Meter) End(id string, maxRSS memtools.Bytes) (peak memtools.Bytes, cpu time.Duration) {
	m.Now()
	m.sampling.Lock()
	defer m.sampling.Unlock()
	delete(m.tasks, id)
	sum := m.tracker.Untrack(id)
	peak = sum.Peak + max(0, maxRSS-sum.MaxRSS)
	if g := m.groups[id]; g != nil {
		delete(m.groups, id)
		return g.end(peak), sum.CPU
	}
	return max(peak, m.shmem.end(id)), sum.CPU
}
