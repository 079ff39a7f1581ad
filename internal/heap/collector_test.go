package heap

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// fakeHeaps are processes by id with what they use and what a collection leaves.
type fakeHeaps map[int]*struct {
	used, live memtools.Bytes
	broken     error
}

func (f fakeHeaps) Processes() (list []v8heap.Process) {
	for pid := range f {
		list = append(list, v8heap.Process{PID: pid})
	}
	return list
}

func (f fakeHeaps) Stats(_ context.Context, pid int) (v8heap.Heap, error) {
	return v8heap.Heap{Used: f[pid].used}, nil
}

func (f fakeHeaps) Collect(_ context.Context, pid int) (v8heap.Collection, error) {
	p := f[pid]
	if p.broken != nil {
		return v8heap.Collection{}, p.broken
	}
	c := v8heap.Collection{Before: v8heap.Heap{Used: p.used}, After: v8heap.Heap{Used: p.live}}
	p.used = p.live
	return c, nil
}

func (f fakeHeaps) total() (sum memtools.Bytes) {
	for _, p := range f {
		sum += p.used
	}
	return sum
}

// slowHeaps are processes that are busy for half a second before they answer.
type slowHeaps struct{ fakeHeaps }

func (s slowHeaps) Stats(ctx context.Context, pid int) (v8heap.Heap, error) {
	time.Sleep(500 * time.Millisecond)
	return s.fakeHeaps.Stats(ctx, pid)
}

func TestCollect(t *testing.T) {
	type p = struct {
		used, live memtools.Bytes
		broken     error
	}
	// collect runs one collection under a budget of 1 GB.
	collect := func(c *Collector) (events []event.Event) {
		c.o.Emit = func(e event.Event) { events = append(events, e) }
		c.collect(context.Background(), event.AtCritical)
		return events
	}
	with := func(h fakeHeaps) *Collector {
		return newCollector(h, CollectorOptions{Usage: func() meter.Reading {
			used := h.total()
			return meter.Reading{Usage: used, Budget: gb, Level: memtools.DefaultThresholds.Level(used, gb)}
		}})
	}
	freed := func(t *testing.T, events []event.Event) event.GCFinished {
		t.Helper()
		if len(events) != 2 {
			t.Fatalf("%d events: %+v", len(events), events)
		}
		return events[1].(event.GCFinished)
	}
	t.Run("takes the largest first and stops once there is room", func(t *testing.T) {
		got := freed(t, collect(with(fakeHeaps{1: &p{used: 300 * mb, live: 50 * mb}, 2: &p{used: 650 * mb, live: 100 * mb}})))
		if len(got.Processes) != 1 || got.Processes[0].PID != 2 || got.Freed != 550*mb || got.Usage != 400*mb {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("goes on while usage is high, and adds up", func(t *testing.T) {
		got := freed(t, collect(with(fakeHeaps{1: &p{used: 450 * mb, live: 440 * mb}, 2: &p{used: 550 * mb, live: 500 * mb}})))
		if len(got.Processes) != 2 || got.Freed != 60*mb {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("reports what failed and goes on", func(t *testing.T) {
		got := freed(t, collect(with(fakeHeaps{1: &p{used: 400 * mb, live: 100 * mb}, 2: &p{used: 600 * mb, broken: errors.New("no answer")}})))
		if len(got.Processes) != 2 || got.Processes[0].Error == "" || got.Freed != 300*mb {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("leaves out a process that ended meanwhile", func(t *testing.T) {
		got := freed(t, collect(with(fakeHeaps{1: &p{used: 900 * mb, broken: v8heap.ErrNoAgent}})))
		if len(got.Processes) != 0 || got.Freed != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("emits nothing if nothing is worth it", func(t *testing.T) {
		if events := collect(with(fakeHeaps{1: &p{used: 20 * mb}})); len(events) > 0 {
			t.Errorf("got %+v", events)
		}
	})
	t.Run("leaves a process alone for the cooldown, but not another one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := fakeHeaps{1: &p{used: 950 * mb, live: 850 * mb}}
			c := with(h)
			pids := func() (pids []int) {
				for _, p := range freed(t, collect(c)).Processes {
					pids = append(pids, p.PID)
				}
				return pids
			}
			if got := pids(); !slices.Equal(got, []int{1}) {
				t.Errorf("first %v", got)
			}
			h[1].used, h[2] = 950*mb, &p{used: 800 * mb, live: 10 * mb}
			time.Sleep(defaultCooldown - time.Second)
			if got := pids(); !slices.Equal(got, []int{2}) {
				t.Errorf("inside the cooldown of 1: %v", got)
			}
			time.Sleep(2 * time.Second)
			if got := pids(); !slices.Equal(got, []int{1}) {
				t.Errorf("after it: %v", got)
			}
		})
	})
	t.Run("does not delay the next task", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := fakeHeaps{1: &p{used: 950 * mb, live: 900 * mb}}
			c := with(h)
			c.heaps = slowHeaps{h}
			c.o.Emit = func(event.Event) {}
			start := time.Now()
			c.Between(t.Context())
			if took := time.Since(start); took > 0 {
				t.Errorf("it took %v", took)
			}
			c.Wait()
			if h[1].used != 900*mb {
				t.Error("nothing was collected")
			}
		})
	})
	t.Run("looks at most once in a pause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := fakeHeaps{1: &p{used: 950 * mb, live: 900 * mb}}
			c := with(h)
			events := 0
			c.o.Emit = func(event.Event) { events++ }
			for range 10 {
				c.Critical(t.Context())
				c.Wait()
			}
			if events != 2 {
				t.Errorf("%d events of one collection", events)
			}
		})
	})
}

func TestWorthwhile(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration, after, freed memtools.Bytes) pastGC {
		return pastGC{now.Add(-d), after, freed, 300 * time.Millisecond}
	}
	for _, tt := range []struct {
		claim string
		used  memtools.Bytes
		past  pastGC
		want  bool // usually
		short bool // if the alternative is to stop it
	}{
		{"a large heap is, the first time", 100 * mb, pastGC{}, true, true},
		{"a small heap is not", 10 * mb, pastGC{}, false, false},
		{"not for more than a fifth of its time", 900 * mb, ago(time.Second, 700*mb, 800*mb), false, false},
		{"not if it gave back next to nothing", 900 * mb, ago(10*time.Second, 850*mb, 10*mb), false, false},
		{"not inside the cooldown", 900 * mb, ago(10*time.Second, 700*mb, 90*mb), false, true},
		{"sooner if it gave back much and has grown again", 900 * mb, ago(6*time.Second, 700*mb, 800*mb), true, true},
		{"but not for more than a twentieth of its time", 900 * mb, ago(5*time.Second, 700*mb, 800*mb), false, true},
		{"and not before it has grown", 700 * mb, ago(10*time.Second, 700*mb, 800*mb), false, false},
		{"again after the cooldown", 900 * mb, ago(time.Minute, 100*mb, 800*mb), true, true},
		{"not if it is nearly all live", 510 * mb, ago(time.Minute, 500*mb, 5*mb), false, false},
		{"but after four cooldowns all the same", 510 * mb, ago(3*time.Minute, 500*mb, 5*mb), true, true},
		{"but once it has grown by a fifth", 610 * mb, ago(time.Minute, 500*mb, 5*mb), true, true},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			usually := pacingFor(event.AtCritical, defaultCooldown).worthwhile(tt.used, tt.past, now)
			short := pacingFor(event.AtShortage, defaultCooldown).worthwhile(tt.used, tt.past, now)
			if usually != tt.want || short != tt.short {
				t.Errorf("usually %v, with short memory %v", usually, short)
			}
		})
	}
}
