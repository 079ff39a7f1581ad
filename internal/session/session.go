// Package session sets up what every run needs while it lasts: the meter, the garbage
// collection in Node processes, the event stream with its tally, the reaper, and the
// signals that end it. A build, a watched command and a worker each have one session.
// It decides nothing about tasks.
package session

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/taskcgroup"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// Options set up a Session.
type Options struct {
	// ID is the run's; it marks every process of the session.
	ID string
	// MaxBudget is the most that all processes together may use.
	MaxBudget memtools.Bytes
	// Undisturbed is the budget while other programs hold nothing. It is less than
	// MaxBudget if that leaves the kernel no reserve. Zero means MaxBudget.
	Undisturbed memtools.Bytes
	// Thresholds are the shares of the budget from which usage is high. Zero means
	// memtools.DefaultThresholds.
	Thresholds memtools.Thresholds
	// Tick is the time between two memory lines. Zero means 30 s.
	Tick time.Duration
	// Collect turns on garbage collection in Node processes. Cooldown is the usual
	// time between two collections in one process. Zero means 30 s.
	Collect  bool
	Cooldown time.Duration
	// Cgroups gives each task a cgroup of its own, where one may be made.
	Cgroups bool
	// First is the first event; nil means none.
	First event.Event
	// Reporters take the events, in this order.
	Reporters []tally.Reporter
}

// Session is open from Open to Close. Its fields do not change in between.
type Session struct {
	ID          string
	undisturbed memtools.Bytes // that of the options
	Events      *event.Stream
	Tally       *tally.Sink
	Meter       *meter.Meter
	// Heaps talks to the session's Node processes, and GC has them collect garbage.
	// Both are nil without Options.Collect, or if HeapsErr kept them from opening.
	Heaps    *v8heap.Server
	GC       *heap.Collector
	HeapsErr error
	// Cgroups holds the cgroups of the tasks. It is nil if they have none.
	Cgroups *taskcgroup.Run
	// Sampled gets a value after each sample, unless the last one is still unread.
	Sampled chan struct{}

	reaper        int    // its process id, once it is counted
	forgetHeaps   func() // call it once the server's folder is removed
	cgroups       event.Cgroups
	forgetCgroups func()
	stopMeter     context.CancelFunc
	metering      sync.WaitGroup
}

// Open opens a session. Collections in the background end with ctx. An error means that
// memory cannot be measured.
func Open(ctx context.Context, o Options) (*Session, error) {
	s := &Session{ID: o.ID, undisturbed: cmp.Or(o.Undisturbed, o.MaxBudget), Tally: tally.NewSink(o.Reporters...), Sampled: make(chan struct{}, 1)}
	s.Events = event.NewStream(clock.Now, s.Tally)
	if o.Cgroups {
		s.openCgroups()
	}
	var err error
	s.Meter, err = meter.New(meter.Options{
		Budget: o.MaxBudget, Thresholds: o.Thresholds, Tick: o.Tick, Cgroups: s.Cgroups,
		OnTick:   func(now meter.Reading) { s.Memory(event.AtTick, now) },
		OnSample: s.sampled,
		OnLevel: func(now meter.Reading) {
			s.Events.Emit(event.Pressure{Level: now.Level, Usage: now.Usage, Budget: now.Budget})
		},
		OnCritical: func(meter.Reading) {
			if s.GC != nil {
				s.GC.Critical(ctx)
			}
		},
	})
	if err != nil {
		s.closeCgroups()
		return nil, err
	}
	if o.Collect {
		s.openHeaps(o.Cooldown)
	}
	if o.First != nil {
		s.Events.Emit(o.First)
	}
	if o.Cgroups {
		s.Events.Emit(s.cgroups)
	}
	s.sampled(s.Meter.Last())
	metering, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stopMeter = stop
	s.metering.Go(func() { s.Meter.Run(metering) })
	s.metering.Go(func() { clock.Watch(metering) })
	return s, nil
}

func (s *Session) openHeaps(cooldown time.Duration) {
	if s.Heaps, s.HeapsErr = v8heap.Listen(""); s.HeapsErr != nil {
		return
	}
	s.forgetHeaps = proc.RemoveOnDeath(s.Heaps.Dir())
	s.GC = heap.NewCollector(s.Heaps, heap.CollectorOptions{
		Cooldown: cooldown, Usage: s.Meter.Now, Emit: s.Events.Emit, Task: s.task, Frozen: s.frozen,
	})
}

// openCgroups comes before the first child: only a process that is alone may move.
func (s *Session) openCgroups() {
	var err error
	if s.Cgroups, err = taskcgroup.Open(s.ID); err != nil {
		s.cgroups.Reason = err.Error()
		return
	}
	s.cgroups.Folder = s.Cgroups.Folder()
	s.forgetCgroups = proc.RemoveOnDeath(s.cgroups.Folder)
}

// closeCgroups comes when the reaper has ended, which is in the same cgroup as this process.
func (s *Session) closeCgroups() {
	if s.Cgroups != nil {
		s.forgetCgroups()
		proc.Shutdown()
		s.Cgroups.Close()
	}
}

// Settle ends the measuring on its own and the collections that it started, and waits
// until their events have been emitted. The caller's are the last ones then.
func (s *Session) Settle() {
	s.stopMeter()
	s.metering.Wait()
	if s.GC != nil {
		s.GC.Wait()
	}
}

// Close settles and ends the session. No task may be running.
func (s *Session) Close() error {
	s.Settle()
	var err error
	if s.Heaps != nil {
		err = s.Heaps.Close()
		s.forgetHeaps()
	}
	err = errors.Join(err, s.Meter.Close())
	s.closeCgroups()
	proc.Shutdown()
	return err
}

// Correct emits that an attempt at a task was paused or resumed.
func (s *Session) Correct(t event.Task, attempt int, action event.CorrectionAction) {
	now := s.Meter.Last()
	s.Events.Emit(event.Correction{Task: t, Attempt: attempt, Action: action,
		Held: s.Tasks(now)[t.ID], Usage: now.Usage, Budget: now.Budget, Available: now.Available})
}

// LargestHeap is the largest V8 heap that was seen in the running attempt at a task.
func (s *Session) LargestHeap(task string) memtools.Bytes {
	if s.GC == nil {
		return 0
	}
	return s.GC.Largest(task)
}

// Memory emits a memory line.
func (s *Session) Memory(moment event.Moment, now meter.Reading) {
	s.Events.Emit(event.Memory{Moment: moment, Usage: now.Usage, Budget: now.Budget})
}

func (s *Session) sampled(now meter.Reading) {
	s.countReaper()
	if s.Cgroups != nil {
		s.Cgroups.Protect(now.Available)
	}
	s.Events.Emit(event.Sample{Usage: now.Usage, Budget: now.Budget, Available: now.Available, Tasks: s.Tasks(now)})
	select {
	case s.Sampled <- struct{}{}:
	default:
	}
}

// countReaper counts the reaper's memory. One that was killed is replaced by another.
func (s *Session) countReaper() {
	if pid, err := proc.Reaper(); err == nil && pid > 0 && pid != s.reaper {
		s.reaper = pid
		s.Meter.BeginOne(s.mark("reaper"), pid)
	}
}

// mark is the name of a task that its processes carry.
func (s *Session) mark(task string) string { return s.ID + "/" + task }

// Tasks returns the usage of each task in a reading.
func (s *Session) Tasks(now meter.Reading) map[string]memtools.Bytes {
	return byTask(s, now.Trees)
}

// byTask returns the figures of this session's tasks, by task instead of by mark.
func byTask[V any](s *Session, figures map[string]V) map[string]V {
	if figures == nil {
		return nil
	}
	tasks := make(map[string]V, len(figures))
	for mark, figure := range figures {
		if task, ok := strings.CutPrefix(mark, s.mark("")); ok {
			tasks[task] = figure
		}
	}
	return tasks
}

// task returns the task of this session that a process's mark names. In nested runs the
// mark has one part for each run.
func (s *Session) task(mark string) string {
	for one := range strings.SplitSeq(mark, ";") {
		if task, ok := strings.CutPrefix(one, s.mark("")); ok {
			return task
		}
	}
	return ""
}

func (s *Session) frozen(task string) (paused bool) {
	s.Tally.Read(func(now *tally.State) { paused = now.Paused(task) })
	return paused
}
