package memtools

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/clock"
)

const (
	defaultInterval = time.Minute
	// leastInterval keeps a mistaken interval from keeping a core busy.
	leastInterval = 20 * time.Millisecond
)

// MonitorOptions configure a Monitor. The zero value checks this process once a
// minute and reports to no one: set a callback, AutoGC or Verbose.
//
// Callbacks must not call Check or Stop of their monitor, or StopMonitor: those
// wait for the check that the callback is part of, for ever.
type MonitorOptions struct {
	// Interval is the time between two checks, and from Start to the first. Zero or
	// less means 60 s; less than 20 ms is raised to 20 ms.
	Interval time.Duration
	// OnWarning is called at each check that finds usage at or above the warning
	// threshold but not critical. Nil means no call.
	OnWarning func(message string)
	// OnCritical is called at each check that finds critical usage, before garbage
	// is collected. Nil means no call.
	OnCritical func(message string)
	// OnCheck is called at each check with what it found, before the other
	// callbacks. Nil means no call.
	OnCheck func(Usage)
	// OnGC is called after each automatic collection with what it freed. Nil means
	// no call.
	OnGC func(freed Bytes)
	// AutoGC collects garbage when usage is critical. False only reports.
	AutoGC bool
	// Cooldown is the least time between two automatic collections of this monitor.
	// Zero means 30 s; negative means none.
	Cooldown time.Duration
	// Verbose writes what the monitor sees and does to Log. False writes nothing.
	Verbose bool
	// Log is what Verbose writes to, with one Write for each line. Nil means
	// os.Stderr.
	Log io.Writer
	// Thresholds decide what is warning and what is critical. Zero fields mean 0.75
	// and 0.90.
	Thresholds Thresholds
	// Usage returns what is watched. A limit of zero means unknown: then nothing is
	// a warning. Nil means this process, as Stats measures it. An error skips the
	// check; Verbose writes it.
	Usage func() (used, limit Bytes, err error)
	// CollectGarbage frees memory of what is watched and returns how much. Nil means
	// TriggerGC. A failed collection counts for Cooldown; Verbose writes the error.
	CollectGarbage func() (freed Bytes, err error)
}

// MonitorConfig is the same as MonitorOptions. It is the name that
// docs/guide-api.md gives to users of the TypeScript API.
type MonitorConfig = MonitorOptions

// withDefaults returns o with its zero fields set.
func (o MonitorOptions) withDefaults() MonitorOptions {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	o.Interval = max(o.Interval, leastInterval)
	if o.Cooldown == 0 {
		o.Cooldown = defaultCooldown
	}
	if o.Log == nil {
		o.Log = os.Stderr
	}
	if o.Usage == nil {
		o.Usage = func() (used, limit Bytes, err error) {
			u := Stats()
			return u.Used, u.Limit, nil
		}
	}
	if o.CollectGarbage == nil {
		o.CollectGarbage = func() (Bytes, error) { return TriggerGC(), nil }
	}
	return o
}

// Monitor checks memory usage periodically. Between Start and Stop it runs one
// goroutine, which makes the callbacks; Check makes them in its caller's goroutine.
// There is never more than one callback at a time. A Monitor is safe for concurrent
// use.
type Monitor struct {
	options  MonitorOptions
	cooldown clock.Cooldown
	checking sync.Mutex // held during a check

	mu   sync.Mutex    // guards both below
	done chan struct{} // closed by Stop; nil while not running
	gone chan struct{} // closed by the goroutine when it ends
}

// NewMonitor returns a monitor that is not running.
func NewMonitor(o MonitorOptions) *Monitor { return &Monitor{options: o.withDefaults()} }

// Start starts the checks. It does nothing if the monitor is running.
func (m *Monitor) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done != nil {
		return
	}
	m.done, m.gone = make(chan struct{}), make(chan struct{})
	go m.run(m.done, m.gone)
}

// Stop ends the checks. It waits for the goroutine of Start, which makes no callback
// after Stop has returned. A stopped monitor can be stopped and started again.
func (m *Monitor) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done == nil {
		return
	}
	close(m.done)
	<-m.gone
	m.done, m.gone = nil, nil
}

func (m *Monitor) run(done <-chan struct{}, gone chan<- struct{}) {
	defer close(gone)
	ticker := time.NewTicker(m.options.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			select {
			case <-done: // both were ready: Stop wins
				return
			default:
				m.Check()
			}
		}
	}
}

// Check does at once what the monitor does at each interval, and returns what it
// found before any collection. The monitor need not be running. The result is
// zero after an error of MonitorOptions.Usage.
func (m *Monitor) Check() Usage {
	m.checking.Lock()
	defer m.checking.Unlock()
	used, limit, err := m.options.Usage()
	if err != nil {
		m.logf("⚠️  Memory usage is unknown: %v", err)
		return Usage{}
	}
	u := m.options.Thresholds.Measure(used, limit)
	m.logf("💾 Memory: %v", u)
	if m.options.OnCheck != nil {
		m.options.OnCheck(u)
	}
	switch {
	case u.Critical:
		m.logf("🚨 %s", u.Message())
		if m.options.OnCritical != nil {
			m.options.OnCritical(u.Message())
		}
		if m.options.AutoGC && m.cooldown.Allow(time.Now(), m.options.Cooldown) {
			m.collect()
		}
	case u.Warning:
		m.logf("⚠️  %s", u.Message())
		if m.options.OnWarning != nil {
			m.options.OnWarning(u.Message())
		}
	}
	return u
}

func (m *Monitor) collect() {
	m.logf("♻️  Triggering garbage collection...")
	freed, err := m.options.CollectGarbage()
	if err != nil {
		m.logf("⚠️  GC failed: %v", err)
		return
	}
	m.logf("✅ GC complete. Freed %v", freed)
	if m.options.OnGC != nil {
		m.options.OnGC(freed)
	}
}

func (m *Monitor) logf(format string, args ...any) {
	if m.options.Verbose {
		fmt.Fprintf(m.options.Log, format+"\n", args...)
	}
}

// processMonitor is the monitor of StartMonitor.
var processMonitor struct {
	mu      sync.Mutex
	monitor *Monitor // nil while none runs
}

// StartMonitor starts the monitor of this process and returns it. It stops the one
// that an earlier call started. Use NewMonitor for monitors that run side by side.
func StartMonitor(o MonitorOptions) *Monitor {
	processMonitor.mu.Lock()
	defer processMonitor.mu.Unlock()
	if processMonitor.monitor != nil {
		processMonitor.monitor.Stop()
	}
	processMonitor.monitor = NewMonitor(o)
	processMonitor.monitor.Start()
	return processMonitor.monitor
}

// StopMonitor stops the monitor that StartMonitor started, if there is one.
func StopMonitor() {
	processMonitor.mu.Lock()
	defer processMonitor.mu.Unlock()
	if processMonitor.monitor != nil {
		processMonitor.monitor.Stop()
		processMonitor.monitor = nil
	}
}
