package engine

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

const (
	// gcCooldown is the least time between two collections in one process.
	gcCooldown = 30 * time.Second
	// gcStats bounds the wait for one process's figures.
	gcStats = time.Second
	// gcAnswer bounds the wait for one process: in native code it does not answer.
	gcAnswer = 10 * time.Second
	// gcSettle is how long V8 takes, in threads of its own, to give the pages of what
	// it collected back to the system; before that, usage shows nothing of it.
	gcSettle = 100 * time.Millisecond
	// gcWorth is the smallest heap that is worth the pause of its program.
	gcWorth = 32 * memtools.MB
)

// haste is how soon garbage is collected again.
type haste struct {
	// pause is the least time between two looks at all processes: what was freed
	// must show before more is done.
	pause time.Duration
	// A process that gave back this part of its heap, and whose heap has grown by
	// it since, need not wait for the cooldown, but runs at least so many times
	// longer than its last collection took.
	part  memtools.Bytes
	times time.Duration
}

// hasteOf returns the haste for a trigger: usually a process that gives back a fifth
// pays a twentieth of its time at most. Where it would have to be paused or stopped
// otherwise, one that gives back a twentieth pays a fifth.
func hasteOf(t event.GCTrigger) haste {
	if t == event.AtShortage {
		return haste{pause: gcSettle, part: 20, times: 4}
	}
	return haste{pause: time.Second, part: 5, times: 20}
}

// heaps is what the collector asks for figures and collections: a *v8heap.Server.
type heaps interface {
	Processes() []v8heap.Process
	Stats(ctx context.Context, pid int) (v8heap.Heap, error)
	Collect(ctx context.Context, pid int) (v8heap.Collection, error)
}

// collector has Node processes collect their garbage when memory is short.
type collector struct {
	heaps    heaps
	cooldown time.Duration
	now      func() time.Time
	// usage measures the run, and emit tells what was done.
	usage func() meter.Reading
	emit  func(event.Event)
	// task names the task of a process by its mark; frozen reports whether that
	// one is, so that it does not answer.
	task   func(mark string) string
	frozen func(task string) bool
	// started are the collections in the background.
	started sync.WaitGroup

	// collections counts what was collected.
	collections atomic.Int64

	mu   sync.Mutex // held during a collection; guards all below
	last time.Time
	past map[int]pastGC // by process id
}

// pastGC is the last collection in a process.
type pastGC struct {
	at           time.Time
	after, freed memtools.Bytes
	took         time.Duration
}

func newCollector(h heaps, cooldown time.Duration, usage func() meter.Reading, emit func(event.Event)) *collector {
	return &collector{heaps: h, cooldown: cmp.Or(cooldown, gcCooldown), now: time.Now, usage: usage, emit: emit, past: map[int]pastGC{},
		task:   func(mark string) string { return mark },
		frozen: func(string) bool { return false },
	}
}

// Critical collects in the background, unless that is being done or was done
// just now. The meter calls it with each critical sample.
func (c *collector) Critical(ctx context.Context) { c.background(ctx, event.AtCritical) }

// Short is Critical where the run is about to pass its memory.
func (c *collector) Short(ctx context.Context) { c.background(ctx, event.AtShortage) }

// Between is Critical after a task has ended: what waits for its end must not
// wait for those that still run.
func (c *collector) Between(ctx context.Context) { c.background(ctx, event.BetweenTasks) }

func (c *collector) background(ctx context.Context, trigger event.GCTrigger) {
	if !c.mu.TryLock() {
		return
	}
	due := c.now().Sub(c.last) >= hasteOf(trigger).pause
	c.mu.Unlock()
	if due {
		c.started.Go(func() { c.Collect(ctx, trigger) })
	}
}

// Wait waits for what Critical and Between started.
func (c *collector) Wait() { c.started.Wait() }

// Collections is how often garbage was collected.
func (c *collector) Collections() int { return int(c.collections.Load()) }

// Collect has the processes with the largest heaps collect their garbage, one
// after another, until usage is below warning. Where nothing is worth collecting
// it does and says nothing.
func (c *collector) Collect(ctx context.Context, trigger event.GCTrigger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	haste := hasteOf(trigger)
	if c.now().Sub(c.last) < haste.pause {
		return
	}
	c.last = c.now()
	candidates := c.candidates(ctx, haste)
	if len(candidates) == 0 {
		return
	}
	c.emit(event.GCStarted{Trigger: trigger, Processes: len(candidates)})
	done := event.GCFinished{}
	start := c.now()
	for _, p := range candidates {
		one := c.collect(ctx, p)
		done.Processes = append(done.Processes, one)
		done.Freed += max(0, one.Before-one.After)
		time.Sleep(gcSettle)
		now := c.usage()
		done.Usage, done.Budget = now.Usage, now.Budget
		if now.Level == memtools.Normal {
			break
		}
	}
	done.Duration = c.now().Sub(start)
	c.collections.Add(1)
	c.emit(done)
	c.last = c.now()
}

// candidate is a process that may be worth a collection.
type candidate struct {
	v8heap.Process
	used memtools.Bytes
}

// candidates are the processes worth a collection, the largest heap first.
func (c *collector) candidates(ctx context.Context, h haste) []candidate {
	var (
		mu   sync.Mutex
		list []candidate
		all  sync.WaitGroup
	)
	alive := map[int]bool{}
	for _, p := range c.heaps.Processes() {
		alive[p.PID] = true
		if c.frozen(c.task(p.Task)) {
			continue
		}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, gcStats)
			defer cancel()
			stats, err := c.heaps.Stats(ctx, p.PID)
			if err != nil {
				return // in native code, or gone: not a candidate now
			}
			mu.Lock()
			defer mu.Unlock()
			if worthwhile(stats.Used, c.past[p.PID], c.now(), c.cooldown, h) {
				list = append(list, candidate{p, stats.Used})
			}
		})
	}
	all.Wait()
	for pid := range c.past {
		if !alive[pid] {
			delete(c.past, pid) // its number may become another process's
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.used, a.used), cmp.Compare(a.PID, b.PID)) })
	return list
}

// worthwhile decides whether a heap is worth a collection: large enough, and past
// its cooldown, or in haste before that. One that gave back less than a twentieth and
// has hardly grown since is nearly all live, and is left alone for four cooldowns.
func worthwhile(used memtools.Bytes, past pastGC, now time.Time, cooldown time.Duration, h haste) bool {
	if used < gcWorth {
		return false
	}
	if past.at.IsZero() {
		return true
	}
	since, before := now.Sub(past.at), past.after+past.freed
	grown := func(part memtools.Bytes) bool { return used > past.after+past.after/part }
	if past.freed >= before/h.part && grown(h.part) && since >= max(h.times*past.took, h.pause) {
		return true
	}
	if since < cooldown {
		return false
	}
	return past.freed >= past.after/20 || grown(5) || since >= 4*cooldown
}

func (c *collector) collect(ctx context.Context, p candidate) event.GCProcess {
	ctx, cancel := context.WithTimeout(ctx, gcAnswer)
	defer cancel()
	one := event.GCProcess{PID: p.PID, Task: c.task(p.Task), Script: p.Script}
	got, err := c.heaps.Collect(ctx, p.PID)
	if err != nil {
		one.Error = err.Error()
		c.past[p.PID] = pastGC{at: c.now(), after: p.used, took: gcAnswer}
		return one
	}
	one.Before, one.After, one.Returned, one.Duration = got.Before.Used, got.After.Used, got.Returned(), got.Duration
	c.past[p.PID] = pastGC{at: c.now(), after: got.After.Used, freed: got.Freed(), took: got.Duration}
	return one
}
