package memtools_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

func ExampleBytes() {
	b := 1024*memtools.MB + 512*memtools.KB
	fmt.Println(b, b.Short(), b.Percent(8*memtools.GB))
	// Output: 1024.50MB 1GB 13
}

func ExampleParseSize() {
	size, err := memtools.ParseSize("80%")
	fmt.Println(size, size.Of(10*memtools.GB).Short(), err)
	_, err = memtools.ParseSize("plenty")
	fmt.Println(err)
	// Output:
	// 80% 8GB <nil>
	// "plenty" is not a size such as 8GB, 512MB or 80%
}

func ExampleSize() {
	for _, s := range []memtools.Size{memtools.Absolute(6 * memtools.GB), memtools.Percent(75)} {
		fmt.Println(s, s.Of(16*memtools.GB).Short())
	}
	// Output:
	// 6GB 6GB
	// 75% 12GB
}

func ExampleThresholds() {
	t := memtools.Thresholds{Warning: 0.5} // Critical has its default, 0.9
	for _, used := range []memtools.Bytes{40, 60, 95} {
		fmt.Println(t.Level(used, 100))
	}
	// Output:
	// normal
	// warning
	// critical
}

func ExamplePressure() {
	level := memtools.DefaultThresholds.Level(6400*memtools.MB, 8*memtools.GB)
	fmt.Println(level, level >= memtools.Warning)
	// Output: warning true
}

func ExampleUsage() {
	s := memtools.DefaultThresholds.Measure(6400*memtools.MB, 8*memtools.GB)
	fmt.Println(s)
	fmt.Println(s.Message())
	// Output:
	// 6400.00MB / 8192.00MB (78%)
	// High memory usage: 78% (6400.00MB / 8192.00MB)
}

func ExampleStats() {
	s := memtools.Stats()
	fmt.Println(s.Used > 0, s.Limit > 0)
	// Output: true true
}

func ExampleCheckUsage() {
	if warning := memtools.CheckUsage(); warning != "" {
		fmt.Fprintln(os.Stderr, warning)
	}
	// Output:
}

func ExampleTriggerGC() {
	freed := memtools.TriggerGC()
	fmt.Println(freed >= 0)
	// Output: true
}

func ExampleAutoGC() {
	if freed, triggered := memtools.AutoGC(); triggered {
		fmt.Fprintf(os.Stderr, "✅ GC complete. Freed %v\n", freed)
	}
	// Output:
}

func ExampleStartMonitor() {
	memtools.StartMonitor(memtools.MonitorOptions{
		Interval:   30 * time.Second,
		AutoGC:     true,
		Verbose:    true,
		OnWarning:  func(message string) { fmt.Fprintln(os.Stderr, message) },
		OnCritical: func(message string) { fmt.Fprintln(os.Stderr, message) },
	})
	defer memtools.StopMonitor()
	// Output:
}

// A Monitor can watch anything that has a usage and a limit.
func ExampleMonitor() {
	used := 7600 * memtools.MB
	m := memtools.NewMonitor(memtools.MonitorOptions{
		Usage: func() (memtools.Bytes, memtools.Bytes, error) { return used, 8 * memtools.GB, nil },
		CollectGarbage: func() (memtools.Bytes, error) {
			used -= 1600 * memtools.MB
			return 1600 * memtools.MB, nil
		},
		AutoGC:  true,
		Verbose: true,
		Log:     os.Stdout,
	})
	m.Start()
	defer m.Stop()
	m.Check() // now, not only at the next interval
	m.Check()
	// Output:
	// 💾 Memory: 7600.00MB / 8192.00MB (93%)
	// 🚨 Critical memory usage: 93% (7600.00MB / 8192.00MB)
	// ♻️  Triggering garbage collection...
	// ✅ GC complete. Freed 1600.00MB
	// 💾 Memory: 6000.00MB / 8192.00MB (73%)
}

func ExampleTracker() {
	tracker, err := memtools.NewTracker()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tracker.Close()
	tracker.TrackOne("launcher", os.Getppid())
	sample, err := tracker.Sample()
	if err != nil {
		fmt.Println(err)
		return
	}
	launcher := sample.Trees["launcher"]
	fmt.Println(sample.Own > 0, launcher.Usage > 0, sample.Total == sample.Own+launcher.Usage)
	for _, p := range launcher.Processes {
		fmt.Println(p.PID == os.Getppid(), p.Usage <= launcher.Peak)
	}
	// Output:
	// true true true
	// true true
}

func ExampleIdentity() {
	self, err := memtools.Identify(os.Getpid())
	fmt.Println(self.Alive(), err)
	another := memtools.Identity{PID: self.PID, Start: self.Start + 1}
	fmt.Println(another.Alive())
	// Output:
	// true <nil>
	// false
}

// End the largest process of a tree, and never another that has its PID by then.
func ExampleIdentity_Signal() {
	tracker, err := memtools.NewTracker()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tracker.Close()
	tracker.Track("run-7/core#build", 0) // whatever carries the marker
	sample, err := tracker.Sample()
	if err != nil {
		fmt.Println(err)
		return
	}
	processes := sample.Trees["run-7/core#build"].Processes
	if len(processes) == 0 {
		fmt.Println("nothing to end")
		return
	}
	largest := slices.MaxFunc(processes, func(a, b memtools.Process) int { return cmp.Compare(a.Usage, b.Usage) })
	if err := largest.Identity().Signal(os.Kill); err != nil && !errors.Is(err, os.ErrProcessDone) {
		fmt.Println(err)
	}
	// Output: nothing to end
}

func ExampleMarker() {
	os.Unsetenv(memtools.MarkerEnv)
	fmt.Println(memtools.Marker("run-7/core#build"))
	// Output: HEAPMAGE_TASK=run-7/core#build
}

func ExampleLimits() {
	limits, err := memtools.ReadLimits()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(limits.Effective <= limits.Machine, limits.Available <= limits.Effective)
	// Output: true true
}

func ExampleAvailable() {
	available, err := memtools.Available()
	fmt.Println(available > 0, err)
	// Output: true <nil>
}

func ExampleOOMCounts() {
	before := memtools.OOMCounts{Cgroup: memtools.Counter{Value: 2, Known: true}}
	after := memtools.OOMCounts{Cgroup: memtools.Counter{Value: 3, Known: true}}
	if grown := after.Since(before); grown.Cgroup.Known && grown.Cgroup.Value > 0 {
		fmt.Println("the kernel killed a process of this cgroup: out of memory")
	}
	// Output: the kernel killed a process of this cgroup: out of memory
}
