package memtools

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watched is a usage that the test sets.
type watched struct{ used, limit atomic.Int64 }

func watch(used, limit Bytes) *watched {
	w := &watched{}
	w.used.Store(int64(used))
	w.limit.Store(int64(limit))
	return w
}

func (w *watched) usage() (used, limit Bytes, err error) {
	return Bytes(w.used.Load()), Bytes(w.limit.Load()), nil
}

func TestMonitorInterval(t *testing.T) {
	count := func(t *testing.T, interval, wait time.Duration) int {
		checks := 0
		synctest.Test(t, func(*testing.T) {
			m := NewMonitor(MonitorOptions{Interval: interval, Usage: watch(1, 100).usage, OnCheck: func(Usage) { checks++ }})
			m.Start()
			time.Sleep(wait)
			synctest.Wait()
			m.Stop()
		})
		return checks
	}
	t.Run("checks once a minute by default", func(t *testing.T) {
		if n := count(t, 0, 5*time.Minute); n != 5 {
			t.Errorf("%d checks in 5 minutes", n)
		}
	})
	t.Run("first checks after one interval", func(t *testing.T) {
		if n := count(t, 30*time.Second, 29*time.Second); n != 0 {
			t.Errorf("%d checks in 29 s", n)
		}
	})
	t.Run("checks at its interval", func(t *testing.T) {
		if n := count(t, 30*time.Second, 90*time.Second); n != 3 {
			t.Errorf("%d checks in 90 s", n)
		}
	})
	t.Run("never checks more often than every 20 ms", func(t *testing.T) {
		if n := count(t, time.Nanosecond, 100*time.Millisecond); n != 5 {
			t.Errorf("%d checks in 100 ms", n)
		}
	})
}

func TestMonitorCallbacks(t *testing.T) {
	for _, c := range []struct {
		name string
		used Bytes
		want []string
	}{
		{"does not report normal usage", 10 * MB, nil},
		{"reports high usage", 80 * MB, []string{"warning: High memory usage: 80% (80.00MB / 100.00MB)"}},
		{"reports critical usage only as critical", 95 * MB, []string{"critical: Critical memory usage: 95% (95.00MB / 100.00MB)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			m := NewMonitor(MonitorOptions{
				Usage:      watch(c.used, 100*MB).usage,
				OnWarning:  func(m string) { got = append(got, "warning: "+m) },
				OnCritical: func(m string) { got = append(got, "critical: "+m) },
			})
			if s := m.Check(); s.Used != c.used || s.Limit != 100*MB {
				t.Errorf("Check() = %+v", s)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("called with %q, want %q", got, c.want)
			}
		})
	}
}

func TestMonitorAutoGC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(95, 100)
		var collected []time.Duration
		var freed []Bytes
		start := time.Now()
		m := NewMonitor(MonitorOptions{
			Interval: 10 * time.Second, AutoGC: true, Usage: w.usage,
			CollectGarbage: func() (Bytes, error) { collected = append(collected, time.Since(start)); return 7 * MB, nil },
			OnGC:           func(b Bytes) { freed = append(freed, b) },
		})
		m.Start()
		time.Sleep(65 * time.Second)
		synctest.Wait()
		w.used.Store(89) // high only
		time.Sleep(2 * time.Minute)
		m.Stop()
		want := []time.Duration{10 * time.Second, 40 * time.Second}
		if !slices.Equal(collected, want) {
			t.Errorf("collected at %v, want %v: when critical, with 30 s between", collected, want)
		}
		if !slices.Equal(freed, []Bytes{7 * MB, 7 * MB}) {
			t.Errorf("told of %v", freed)
		}
	})
	t.Run("does not collect unless asked to", func(t *testing.T) {
		NewMonitor(MonitorOptions{Usage: watch(99, 100).usage, CollectGarbage: func() (Bytes, error) {
			t.Error("collected")
			return 0, nil
		}}).Check()
	})
	t.Run("has no cooldown if it is negative", func(t *testing.T) {
		n := 0
		m := NewMonitor(MonitorOptions{AutoGC: true, Cooldown: -1, Usage: watch(99, 100).usage, CollectGarbage: func() (Bytes, error) { n++; return 0, nil }})
		m.Check()
		m.Check()
		if n != 2 {
			t.Errorf("collected %d times at 2 checks", n)
		}
	})
}

func TestMonitorVerbose(t *testing.T) {
	text := func(o MonitorOptions) string {
		var out bytes.Buffer
		o.Log, o.AutoGC, o.Verbose = &out, true, true
		if o.CollectGarbage == nil {
			o.CollectGarbage = func() (Bytes, error) { return 512*MB + 256*KB, nil }
		}
		NewMonitor(o).Check()
		return out.String()
	}
	failing := errors.New("no answer")
	for _, c := range []struct {
		name    string
		options MonitorOptions
		want    string
	}{
		{"writes each check", MonitorOptions{Usage: watch(GB, 8*GB).usage}, "💾 Memory: 1024.00MB / 8192.00MB (13%)\n"},
		{"writes of high usage", MonitorOptions{Usage: watch(6400*MB, 8*GB).usage},
			"💾 Memory: 6400.00MB / 8192.00MB (78%)\n⚠️  High memory usage: 78% (6400.00MB / 8192.00MB)\n"},
		{"writes of critical usage and what a collection freed", MonitorOptions{Usage: watch(7537*MB, 8*GB).usage},
			"💾 Memory: 7537.00MB / 8192.00MB (92%)\n🚨 Critical memory usage: 92% (7537.00MB / 8192.00MB)\n♻️  Triggering garbage collection...\n✅ GC complete. Freed 512.25MB\n"},
		{"writes that usage is unknown", MonitorOptions{Usage: func() (Bytes, Bytes, error) { return 0, 0, failing }},
			"⚠️  Memory usage is unknown: no answer\n"},
		{"writes that a collection failed", MonitorOptions{Usage: watch(9, 10).usage, CollectGarbage: func() (Bytes, error) { return 0, failing },
			OnGC: func(Bytes) { t.Error("told of a collection that failed") }},
			"💾 Memory: 0.00MB / 0.00MB (90%)\n🚨 Critical memory usage: 90% (0.00MB / 0.00MB)\n♻️  Triggering garbage collection...\n⚠️  GC failed: no answer\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := text(c.options); got != c.want {
				t.Errorf("wrote\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	t.Run("writes nothing unless asked to", func(t *testing.T) {
		var out bytes.Buffer
		NewMonitor(MonitorOptions{Usage: watch(99, 100).usage, Log: &out}).Check()
		if out.Len() > 0 {
			t.Errorf("wrote %q", &out)
		}
	})
}

func TestMonitorStartStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := 0
		m := NewMonitor(MonitorOptions{Interval: time.Second, Usage: watch(1, 100).usage, OnCheck: func(Usage) { checks++ }})
		m.Stop() // before Start: nothing
		m.Start()
		m.Start() // one goroutine all the same
		time.Sleep(1500 * time.Millisecond)
		m.Stop()
		m.Stop()
		time.Sleep(time.Minute)
		if checks != 1 {
			t.Fatalf("%d checks in 1.5 s and none after Stop, want 1", checks)
		}
		m.Start()
		time.Sleep(1500 * time.Millisecond)
		m.Stop()
		if checks != 2 {
			t.Fatalf("%d checks after a second start, want 2", checks)
		}
	})
	t.Run("Stop waits for a callback under way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var ended bool
			m := NewMonitor(MonitorOptions{Interval: time.Second, Usage: watch(1, 100).usage, OnCheck: func(Usage) {
				time.Sleep(10 * time.Second)
				ended = true
			}})
			m.Start()
			time.Sleep(2 * time.Second)
			m.Stop()
			if !ended {
				t.Error("Stop returned while a callback ran")
			}
		})
	})
}

func TestStartMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second int
		counting := func(n *int) MonitorOptions {
			return MonitorOptions{Interval: time.Second, Usage: watch(1, 100).usage, OnCheck: func(Usage) { *n++ }}
		}
		StopMonitor() // none runs: nothing
		StartMonitor(counting(&first))
		time.Sleep(1500 * time.Millisecond)
		StartMonitor(counting(&second))
		time.Sleep(1500 * time.Millisecond)
		StopMonitor()
		time.Sleep(time.Minute)
		if first != 1 || second != 1 {
			t.Errorf("%d checks by the first, %d by the second: want 1 each, as the second takes the first's place", first, second)
		}
	})
}

func TestMonitorWatchesThisProcessByDefault(t *testing.T) {
	setLimit(t, MB)
	var out strings.Builder
	s := NewMonitor(MonitorOptions{AutoGC: true, Verbose: true, Log: io.Writer(&out)}).Check()
	if !s.Critical || s.Limit != MB {
		t.Errorf("with a limit of 1 MB: %+v", s)
	}
	if !strings.Contains(out.String(), "✅ GC complete. Freed ") {
		t.Errorf("did not collect:\n%s", &out)
	}
}
