package memtools

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// DefaultInterval is the time between two checks of a Monitor.
const DefaultInterval = time.Minute

// leastInterval keeps a mistaken interval from keeping a core busy.
const leastInterval = 20 * time.Millisecond

// MonitorConfig sets up a Monitor. The zero value checks this process once a
// minute and tells nobody: set a callback, AutoGC or Verbose.
type MonitorConfig struct {
	// Interval is the time between two checks; the first comes after one
	// interval. Zero means 60 s; less than 20 ms is raised to 20 ms.
	// The guide's intervalMs.
	Interval time.Duration
	// OnWarning is called at each check that finds usage at the warning
	// threshold or above it but not critical. Nil means no call.
	OnWarning func(message string)
	// OnCritical is called at each check that finds critical usage, before
	// garbage is collected. Nil means no call.
	OnCritical func(message string)
	// OnCheck is called at each check with what it found, before the other
	// callbacks. Nil means no call.
	OnCheck func(Stats)
	// OnGC is called after each automatic collection with what it freed. Nil
	// means no call.
	OnGC func(freed Bytes)
	// AutoGC collects garbage when usage is critical. Default: false.
	AutoGC bool
	// Cooldown is the least time between two automatic collections of this
	// monitor. Zero means 30 s; negative means none.
	Cooldown time.Duration
	// Verbose writes what the monitor sees and does to Output. Default: false.
	Verbose bool
	// Output is where Verbose writes, one write a line. Nil means os.Stderr.
	Output io.Writer
	// Thresholds decide what is warning and what critical. Zero means 75 %, 90 %.
	Thresholds Thresholds
	// Usage returns what is watched. Nil means this process, as GetStats measures
	// it. After an error the check is skipped; with Verbose, the error is written.
	Usage func() (used, limit Bytes, err error)
	// CollectGarbage frees memory of what is watched and says how much. Nil
	// means TriggerGC. After an error the collection counts as tried; with
	// Verbose, the error is written.
	CollectGarbage func() (freed Bytes, err error)
}

// Monitor checks memory usage periodically. It runs one goroutine between Start
// and Stop, from which all callbacks come, one at a time; Check makes them from
// its caller's.
type Monitor struct {
	config   MonitorConfig
	cooldown cooldown
	checking sync.Mutex // held during a check

	mu   sync.Mutex    // guards both below
	done chan struct{} // closed by Stop; nil while not running
	gone chan struct{} // closed by the goroutine when it ends
}

// NewMonitor returns a monitor that does nothing yet.
func NewMonitor(config MonitorConfig) *Monitor {
	if config.Interval <= 0 {
		config.Interval = DefaultInterval
	}
	config.Interval = max(config.Interval, leastInterval)
	if config.Cooldown == 0 {
		config.Cooldown = DefaultCooldown
	}
	if config.Output == nil {
		config.Output = os.Stderr
	}
	if config.Usage == nil {
		config.Usage = func() (used, limit Bytes, err error) {
			s := GetStats()
			return s.Used, s.Limit, nil
		}
	}
	if config.CollectGarbage == nil {
		config.CollectGarbage = func() (Bytes, error) { return TriggerGC(), nil }
	}
	return &Monitor{config: config}
}

// Start starts the checks. On a running monitor it does nothing.
func (m *Monitor) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done != nil {
		return
	}
	m.done, m.gone = make(chan struct{}), make(chan struct{})
	go m.run(m.done, m.gone)
}

// Stop ends the checks and waits for one that is under way, so that no callback
// runs after it has returned. It can be called more than once, and the monitor
// can be started again. A callback must not call it: it would wait for itself.
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
	ticker := time.NewTicker(m.config.Interval)
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
// found before any collection. It works on a monitor that is not running, too.
// The result is zero after an error of Usage.
func (m *Monitor) Check() Stats {
	m.checking.Lock()
	defer m.checking.Unlock()
	used, limit, err := m.config.Usage()
	if err != nil {
		m.say("⚠️  Memory usage is unknown: %v", err)
		return Stats{}
	}
	s := m.config.Thresholds.Measure(used, limit)
	m.say("💾 Memory: %v", s)
	if m.config.OnCheck != nil {
		m.config.OnCheck(s)
	}
	switch {
	case s.Critical:
		m.say("🚨 %s", s.Message())
		if m.config.OnCritical != nil {
			m.config.OnCritical(s.Message())
		}
		if m.config.AutoGC && m.cooldown.allow(time.Now(), m.config.Cooldown) {
			m.collect()
		}
	case s.Warning:
		m.say("⚠️  %s", s.Message())
		if m.config.OnWarning != nil {
			m.config.OnWarning(s.Message())
		}
	}
	return s
}

func (m *Monitor) collect() {
	m.say("♻️  Triggering garbage collection...")
	freed, err := m.config.CollectGarbage()
	if err != nil {
		m.say("⚠️  GC failed: %v", err)
		return
	}
	m.say("✅ GC complete. Freed %v", freed)
	if m.config.OnGC != nil {
		m.config.OnGC(freed)
	}
}

func (m *Monitor) say(format string, args ...any) {
	if m.config.Verbose {
		fmt.Fprintf(m.config.Output, format+"\n", args...)
	}
}

// started is the monitor of StartMonitor.
var started struct {
	mu      sync.Mutex
	monitor *Monitor
}

// StartMonitor starts this process's monitor, in place of the one that an earlier
// call started, and returns it. StopMonitor or its Stop ends it. It is the
// guide's startMemoryMonitor(config). A monitor that is to run beside others
// comes from NewMonitor.
func StartMonitor(config MonitorConfig) *Monitor {
	started.mu.Lock()
	defer started.mu.Unlock()
	if started.monitor != nil {
		started.monitor.Stop()
	}
	started.monitor = NewMonitor(config)
	started.monitor.Start()
	return started.monitor
}

// StopMonitor stops the monitor that StartMonitor started, if one runs. It is
// the guide's stopMemoryMonitor().
func StopMonitor() {
	started.mu.Lock()
	defer started.mu.Unlock()
	if started.monitor != nil {
		started.monitor.Stop()
		started.monitor = nil
	}
}
