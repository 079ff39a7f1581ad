package report

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/memtools"
)

// TestFooterInTime: when a footer is written, and when it is not.
func TestFooterInTime(t *testing.T) {
	settled := func() {
		time.Sleep(2 * pace)
		synctest.Wait()
	}
	// run begins a run of one task that goes on for three seconds.
	run := func(t *testing.T) (g *gate, c *Console, sample func(usage float64)) {
		g = newGate()
		c = NewConsole(t.Context(), g, false, Held)
		c.showState(memtools.Thresholds{}, nil, func() (int, int) { return 80, 24 })
		sink := tally.NewSink(c)
		emit := func(e event.Event) {
			sink.Take(event.Stamped{Time: time.Now(), Event: e})
			time.Sleep(300 * time.Millisecond)
			synctest.Wait()
		}
		emit(event.RunStarted{Target: "build", Tasks: 1})
		emit(event.TaskStarted{Task: task("core", "build"), Budget: memtools.GB})
		sample = func(usage float64) { emit(event.Sample{Usage: mb(usage), Budget: memtools.GB}) }
		for n := range 10 {
			sample(float64(n))
		}
		return g, c, sample
	}
	t.Run("a terminal that takes nothing holds nothing up, and gets the last one later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, c, sample := run(t)
			for n := range 1000 {
				sample(float64(n))
			}
			if size, pieces := waiting(c); size > 1000 || pieces > 1 {
				t.Errorf("%d bytes in %d pieces wait", size, pieces)
			}
			g.open()
			settled()
			if text := g.String(); strings.Count(text, "RUNNING") != 1 || !strings.Contains(text, "999MB / 1024MB") {
				t.Errorf("%q", text)
			}
			closed(t, c)
		})
	})
	t.Run("none is written while the job is stopped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, c, sample := run(t)
			g.open()
			show := c.HideState()
			v := testkit.NewVT(80, 24)
			_, _ = v.Write(g.Bytes())
			if strings.Contains(v.All(), "RUNNING") {
				t.Error(v.All())
			}
			g.Reset()
			sample(1)
			if g.Len() > 0 {
				t.Errorf("%q", g.String())
			}
			show()
			sample(2)
			if !strings.Contains(g.String(), "RUNNING") {
				t.Errorf("%q", g.String())
			}
			closed(t, c)
		})
	})
	t.Run("none is written on a terminal that has become too small for it", func(t *testing.T) {
		for _, small := range [][2]int{{79, 24}, {80, 23}, {0, 0}} {
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				g.open()
				size := [2]int{80, 24}
				c := NewConsole(t.Context(), g, false, Live)
				c.showState(memtools.Thresholds{}, nil, func() (int, int) { return size[0], size[1] })
				sink := tally.NewSink(c)
				sink.Take(event.Stamped{Event: event.RunStarted{Target: "build", Tasks: 1}})
				sink.Take(event.Stamped{Time: time.Now(), Event: event.Sample{Budget: memtools.GB}})
				settled()
				if !strings.Contains(g.String(), "0 of 1 done") {
					t.Errorf("%q", g.String())
				}
				g.Reset()
				size = small
				if _, err := c.Output("core", "").Write([]byte("a line\n")); err != nil {
					t.Error(err)
				}
				settled()
				if strings.Contains(g.String(), "0 of 1 done") {
					t.Errorf("%v: %q", small, g.String())
				}
				closed(t, c)
			})
		}
	})
	t.Run("none is written once the run is to end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			g := newGate()
			c := NewConsole(ctx, g, false, Held)
			c.showState(memtools.Thresholds{}, nil, func() (int, int) { return 80, 24 })
			g.open()
			c.queue.under([]string{"one"})
			settled()
			interrupt()
			settled()
			g.Reset()
			c.queue.under([]string{"two"})
			settled()
			closed(t, c)
			if g.Len() > 0 {
				t.Errorf("%q", g.String())
			}
		})
	})
}
