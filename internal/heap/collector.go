package heap

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

const (
	// statsWait and collectWait bound the wait for the figures of a process and for
	// its collection: a process in native code does not answer.
	statsWait   = time.Second
	collectWait = 10 * time.Second
)

// heaps is what a Collector needs of a *v8heap.Server.
type heaps interface {
	Processes() []v8heap.Process
	Stats(ctx context.Context, pid int) (v8heap.Heap, error)
	Collect(ctx context.Context, pid int) (v8heap.Collection, error)
}

// Collector has Node processes collect their garbage when memory is short. Its
// methods may be called by many goroutines.
type Collector struct {
	o       CollectorOptions
	heaps   heaps
	started sync.WaitGroup // collections in the background

	mu   sync.Mutex // held during a collection; guards all below
	last time.Time
	past map[int]pastGC // by process id

	seeing  sync.Mutex // guards largest; mu may be held for long
	largest map[string]memtools.Bytes
}

// CollectorOptions connect a Collector to its run.
type CollectorOptions struct {
	// Cooldown is the least time between two collections in one process. Zero means
	// 30 s.
	Cooldown time.Duration
	// Usage measures the run.
	Usage func() meter.Reading
	// Emit takes the events of each collection.
	Emit func(event.Event)
	// Task names the task of a process by its mark. Nil means the mark itself.
	Task func(mark string) string
	// Frozen reports whether a task is frozen, so that its processes do not answer.
	// Nil means that none is.
	Frozen func(task string) bool
}

// NewCollector returns a collector for the processes that speak with server.
func NewCollector(server *v8heap.Server, o CollectorOptions) *Collector {
	return newCollector(server, o)
}

func newCollector(h heaps, o CollectorOptions) *Collector {
	o.Cooldown = cmp.Or(o.Cooldown, defaultCooldown)
	if o.Task == nil {
		o.Task = func(mark string) string { return mark }
	}
	if o.Frozen == nil {
		o.Frozen = func(string) bool { return false }
	}
	return &Collector{o: o, heaps: h, past: map[int]pastGC{}, largest: map[string]memtools.Bytes{}}
}

// Critical collects in the background, unless a collection runs or has just run. The
// meter calls it with each critical sample.
func (c *Collector) Critical(ctx context.Context) { c.background(ctx, event.AtCritical) }

// Short is like Critical, for a run that is about to exceed its memory.
func (c *Collector) Short(ctx context.Context) { c.background(ctx, event.AtShortage) }

// Between is like Critical, for the end of a task. It never delays the next task.
func (c *Collector) Between(ctx context.Context) { c.background(ctx, event.BetweenTasks) }

func (c *Collector) background(ctx context.Context, trigger event.GCTrigger) {
	if !c.mu.TryLock() {
		return
	}
	due := time.Since(c.last) >= pacingFor(trigger, c.o.Cooldown).pause
	c.mu.Unlock()
	if due {
		c.started.Go(func() { c.collect(ctx, trigger) })
	}
}

// Largest returns the largest heap that was seen in a process of the task, and forgets it.
// Zero means that none was: heaps are looked at only when memory is short.
func (c *Collector) Largest(task string) memtools.Bytes {
	c.seeing.Lock()
	defer c.seeing.Unlock()
	largest := c.largest[task]
	delete(c.largest, task)
	return largest
}

func (c *Collector) saw(task string, h v8heap.Heap) {
	c.seeing.Lock()
	defer c.seeing.Unlock()
	c.largest[task] = max(c.largest[task], h.Used, h.Total)
}

// Wait waits for the collections in the background.
func (c *Collector) Wait() { c.started.Wait() }

// collect has the processes with the largest heaps collect their garbage, one after
// another, until usage is below warning. If nothing is worth collecting it does
// nothing and emits nothing.
func (c *Collector) collect(ctx context.Context, trigger event.GCTrigger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pace := pacingFor(trigger, c.o.Cooldown)
	if time.Since(c.last) < pace.pause {
		return
	}
	c.last = time.Now()
	candidates := c.candidates(ctx, pace)
	if len(candidates) == 0 {
		return
	}
	c.o.Emit(event.GCStarted{Trigger: trigger, Processes: len(candidates)})
	done := event.GCFinished{}
	start := clock.Now()
	for _, p := range candidates {
		if one, alive := c.collectIn(ctx, p); alive {
			done.Processes = append(done.Processes, one)
			done.Freed += max(0, one.Before-one.After)
		}
		time.Sleep(gcSettle)
		now := c.o.Usage()
		done.Usage, done.Budget = now.Usage, now.Budget
		if now.Level == memtools.Normal {
			break
		}
	}
	done.Duration = clock.Since(start)
	c.o.Emit(done)
	c.last = time.Now()
}

// candidate is a process that may be worth a collection.
type candidate struct {
	v8heap.Process
	used memtools.Bytes
}

// candidates are the processes worth a collection, the largest heap first.
func (c *Collector) candidates(ctx context.Context, pace pacing) []candidate {
	var (
		mu   sync.Mutex
		list []candidate
		all  sync.WaitGroup
	)
	alive := map[int]bool{}
	for _, p := range c.heaps.Processes() {
		alive[p.PID] = true
		if c.o.Frozen(c.o.Task(p.Task)) {
			continue
		}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, statsWait)
			defer cancel()
			stats, err := c.heaps.Stats(ctx, p.PID)
			if err != nil {
				return // in native code, or gone: not a candidate now
			}
			c.saw(c.o.Task(p.Task), stats)
			mu.Lock()
			defer mu.Unlock()
			if pace.worthwhile(stats.Used, c.past[p.PID], time.Now()) {
				list = append(list, candidate{p, stats.Used})
			}
		})
	}
	all.Wait()
	for pid := range c.past {
		if !alive[pid] {
			delete(c.past, pid) // its ID may be reused
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.used, a.used), cmp.Compare(a.PID, b.PID)) })
	return list
}

// collectIn reports false if the process ended meanwhile.
func (c *Collector) collectIn(ctx context.Context, p candidate) (one event.GCProcess, alive bool) {
	ctx, cancel := context.WithTimeout(ctx, collectWait)
	defer cancel()
	one = event.GCProcess{PID: p.PID, Task: c.o.Task(p.Task), Script: p.Script}
	got, err := c.heaps.Collect(ctx, p.PID)
	if errors.Is(err, v8heap.ErrNoAgent) {
		return one, false
	}
	if err != nil {
		one.Error = err.Error()
		c.past[p.PID] = pastGC{at: time.Now(), after: p.used, took: collectWait}
		return one, true
	}
	one.Before, one.After, one.Returned, one.Duration = got.Before.Used, got.After.Used, got.Returned(), got.Duration
	c.past[p.PID] = pastGC{at: time.Now(), after: got.After.Used, freed: got.Freed(), took: got.Duration}
	return one, true
}
