package clock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// hand is a clock that a test sets.
type hand struct{ time.Time }

func (h *hand) now() time.Time          { return h.Time }
func (h *hand) advance(d time.Duration) { h.Time = h.Add(d) }

func TestClock(t *testing.T) {
	watched := func() (*hand, *clock) {
		h := &hand{time.Unix(1e9, 0)}
		c := &clock{now: h.now}
		c.watches, c.last = 1, h.Time
		return h, c
	}
	t.Run("counts the time in which it gives signs of life", func(t *testing.T) {
		h, c := watched()
		began := c.read()
		for range 100 {
			h.advance(beat)
			c.read()
		}
		h.advance(gap)
		if got := c.read().Sub(began); got != 100*beat+gap {
			t.Error(got)
		}
	})
	t.Run("leaves out a gap at the first reading after it", func(t *testing.T) {
		h, c := watched()
		began := c.read()
		h.advance(13 * time.Second)
		if got := c.read().Sub(began); got != beat {
			t.Error(got)
		}
		h.advance(time.Second)
		if got := c.read().Sub(began); got != beat+time.Second {
			t.Error(got)
		}
	})
	t.Run("counts all time if no watch runs", func(t *testing.T) {
		h := &hand{time.Unix(1e9, 0)}
		c := &clock{now: h.now}
		began := c.read()
		h.advance(time.Hour)
		if got := c.read().Sub(began); got != time.Hour {
			t.Error(got)
		}
	})
	t.Run("stands still during an announced stop", func(t *testing.T) {
		h, c := watched()
		began := c.read()
		h.advance(100 * time.Millisecond)
		c.exclude(func() {
			h.advance(time.Millisecond)
			if got := c.read().Sub(began); got != 100*time.Millisecond {
				t.Error(got)
			}
			h.advance(time.Hour)
			if got := c.read().Sub(began); got != 100*time.Millisecond {
				t.Error(got)
			}
		})
		h.advance(time.Second)
		if got := c.read().Sub(began); got != 1100*time.Millisecond {
			t.Error(got)
		}
	})
	t.Run("is not upset by a clock that goes back", func(t *testing.T) {
		h, c := watched()
		began := c.read()
		h.advance(-time.Hour)
		c.read()
		h.advance(time.Hour + beat)
		if got := c.read().Sub(began); got != beat {
			t.Error(got)
		}
	})
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{now: time.Now}
		ctx, cancel := context.WithCancel(t.Context())
		go c.watch(ctx)
		began := c.read()
		time.Sleep(time.Minute)
		if got := c.read().Sub(began); got != time.Minute {
			t.Error(got)
		}
		cancel()
		synctest.Wait()
		time.Sleep(time.Minute)
		if got := c.read().Sub(began); got != 2*time.Minute {
			t.Errorf("%v although no watch runs", got)
		}
	})
}

func TestAligned(t *testing.T) {
	for now, want := range map[time.Duration]time.Duration{0: 250, 1: 249, 249: 1, 250: 250, 1260: 240, -1: 1, -250: 250, -260: 10} {
		if got := aligned(now, 250); got != want {
			t.Errorf("at %d: %d, want %d", now, got, want)
		}
	}
	if got := Aligned(time.Hour); got <= 0 || got > time.Hour {
		t.Error(got)
	}
}
