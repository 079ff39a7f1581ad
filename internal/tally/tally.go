// Package tally folds the events of a run into its state so far: counts, peaks,
// usage over time, the lower bound and the exit code. An event costs no more time than
// there are tasks that run or could; the state holds a few words for each planned task and a
// bounded curve for each running one. All figures that reporters show come from here, so that a live
// run and its record give the same.
package tally

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Reporter takes the events of a run, one at a time and in order, each with the
// state that includes it. It must be quick, because the run waits for it, and so
// never wait for a reader or a disk. It must not keep the state.
type Reporter interface {
	Take(event.Stamped, *State)
}

// Sink folds events and hands them to its reporters. It is an event.Sink.
type Sink struct {
	mu        sync.Mutex // guards state
	state     State
	reporters []Reporter
}

// NewSink returns a sink with the given reporters, which it calls in that order.
func NewSink(reporters ...Reporter) *Sink { return &Sink{reporters: reporters} }

// Take folds one event and passes it on.
func (s *Sink) Take(e event.Stamped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Apply(e)
	for _, r := range s.reporters {
		r.Take(e, &s.state)
	}
}

// Read calls look with the current state, which does not change while look runs.
func (s *Sink) Read(look func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look(&s.state)
}

// State is what the events of a run so far add up to. The zero value is the state
// before the first event.
type State struct {
	Run event.RunStarted
	// Step is what runs before the tasks; empty if nothing does.
	Step string
	// Succeeded, Failed and Skipped count tasks.
	Succeeded, Failed, Skipped int
	// Known counts the tasks among Succeeded whose results were known. Saved is how long
	// they took when they ran.
	Known int
	Saved time.Duration
	// Failures are the first mostFailures tasks that failed, in the order in which they did.
	// Those that were interrupted are not among them. MoreFailures counts the others.
	Failures     []event.TaskFinished
	MoreFailures int
	// Retries counts attempts that were followed by another, unless they made room for
	// other programs, Pauses the times a task
	// was frozen, Collections the garbage collections.
	Retries, Pauses, Collections int
	// Usage is the last known usage of the whole run, Peak the highest, and Budget
	// what the run could use at the last measurement.
	Usage, Peak, Budget memtools.Bytes
	// Serial estimates the sequential run time: min(duration, CPU) summed over the
	// tasks that succeeded.
	Serial time.Duration

	beside  memtools.Bytes // usage that is no running task's, at the last sample
	plan    []event.PlannedTask
	running map[string]*attempt
	waiting waiting
	// guessed is set once a task started whose need was not known from earlier runs.
	guessed bool
	// early are the attempts that were paused before they started, by task.
	early map[string]int
	// ended has the tasks that will not run any more.
	ended map[string]bool
	// lengths are the run times of the tasks that succeeded, without pauses.
	lengths map[string]time.Duration
	cpu     time.Duration
	// failed holds the labels of the tasks that failed, outOfMemory of those among
	// them that ran out of memory.
	failed, outOfMemory []string
	finished            *event.RunFinished

	// from is when the first task started, to when a task last ended.
	from, to time.Time
	usage    integral
	// usageAtEnd is the usage integral at to.
	usageAtEnd float64
	// unused is the memory that was reserved but not used while a task waited for memory,
	// and held whether one did.
	unused, held integral
}

// attempt is what is known of a running task.
type attempt struct {
	task    event.Task
	since   time.Time
	number  int
	need    memtools.Bytes
	guessed bool // the need is
	usage   memtools.Bytes
	paused  bool
	curve   curve
}

// Apply adds one event.
func (s *State) Apply(e event.Stamped) {
	switch v := e.Event.(type) {
	case event.RunStarted:
		s.Run = v
	case event.RunPlanned:
		s.plan = append(s.plan, v.Tasks...)
	case event.StepStarted:
		s.Step = v.Step
	case event.StepFinished:
		s.Step = ""
	case event.TaskQueued:
		s.waiting.add(v.ID, s.plan)
		s.reserve(e.Time)
	case event.TaskStarted:
		s.start(e.Time, v)
	case event.TaskFinished:
		s.end(e.Time, v)
	case event.TaskSkipped:
		s.close(v.ID)
		s.Skipped++
	case event.TaskKnown:
		s.close(v.ID)
		s.Succeeded++
		s.Known++
		s.Saved += v.Duration
	case event.Correction:
		s.correct(v)
	case event.GCFinished:
		s.Collections++
	case event.Memory:
		s.measured(e.Time, v.Usage, v.Budget)
	case event.Sample:
		s.sample(e.Time, v)
	case event.RunFinished:
		s.finished = &v
		s.Peak = max(s.Peak, v.Peak)
	}
}

// close notes that a task will not run any more.
func (s *State) close(id string) {
	s.waiting.remove(id)
	if s.ended == nil {
		s.ended = map[string]bool{}
	}
	s.ended[id] = true
}

func (s *State) start(at time.Time, e event.TaskStarted) {
	if s.from.IsZero() {
		s.from = at
	}
	s.measured(at, e.Usage, e.Budget)
	if s.running == nil {
		s.running, s.lengths = map[string]*attempt{}, map[string]time.Duration{}
	}
	guessed := e.Basis == event.FromNothing || e.Basis == event.FromSimilar
	s.guessed = s.guessed || guessed
	s.running[e.ID] = &attempt{task: e.Task, since: at, number: e.Attempt, need: e.Need, guessed: guessed, paused: e.Attempt > 0 && s.early[e.ID] == e.Attempt}
	delete(s.early, e.ID)
	s.waiting.remove(e.ID)
	s.reserve(at)
}

func (s *State) end(at time.Time, e event.TaskFinished) {
	s.measured(at, e.Usage, e.Budget)
	s.to, s.usageAtEnd = at, s.usage.sum
	delete(s.running, e.ID)
	if e.Retry {
		s.waiting.add(e.ID, s.plan)
	} else {
		s.close(e.ID)
	}
	s.reserve(at)
	switch {
	case e.Retry && e.ForOthers: // not because of anything in the run
	case e.Status == event.Outdated: // it counts in the next run
	case e.Retry:
		s.Retries++
	case e.Status == event.Succeeded:
		s.Succeeded++
		s.Serial += min(e.Duration, e.CPU)
		s.cpu += e.CPU
		if s.lengths != nil {
			s.lengths[e.ID] = e.Duration - e.Frozen
		}
	default:
		s.Failed++
		s.keepFailure(e)
		s.failed = append(s.failed, e.Label)
		if e.Status == event.OutOfMemory {
			s.outOfMemory = append(s.outOfMemory, e.Label)
		}
	}
}

// mostFailures bounds what is kept of failures.
const mostFailures = 20

func (s *State) keepFailure(e event.TaskFinished) {
	switch {
	case e.Status == event.Interrupted:
	case len(s.Failures) < mostFailures:
		e.Curve = nil // it was shown
		s.Failures = append(s.Failures, e)
	default:
		s.MoreFailures++
	}
}

func (s *State) correct(e event.Correction) {
	if e.Action == event.Paused {
		s.Pauses++
	}
	if a := s.running[e.ID]; a != nil && (a.number == e.Attempt || e.Attempt == 0) {
		a.paused = e.Action == event.Paused
		return
	}
	delete(s.early, e.ID)
	if e.Action == event.Paused {
		if s.early == nil {
			s.early = map[string]int{}
		}
		s.early[e.ID] = e.Attempt
	}
}

func (s *State) sample(at time.Time, e event.Sample) {
	s.measured(at, e.Usage, e.Budget)
	s.beside = e.Usage
	for id, a := range s.running {
		a.usage = e.Tasks[id]
		a.curve.add(a.usage)
		s.beside -= a.usage
	}
	s.beside = max(0, s.beside)
	s.reserve(at)
}

func (s *State) measured(at time.Time, usage, budget memtools.Bytes) {
	if budget <= 0 {
		return
	}
	s.Usage, s.Peak, s.Budget = usage, max(s.Peak, usage), budget
	if !s.from.IsZero() {
		s.usage.add(at, float64(usage))
	}
}

// reserve notes how much of the reserved memory is unused now, if a task waits for memory.
func (s *State) reserve(at time.Time) {
	var unused memtools.Bytes
	for _, a := range s.running {
		if !a.guessed {
			unused += max(0, a.need-a.usage)
		}
	}
	if least, ok := s.waiting.least(); ok && s.slotFree() && len(s.running) > 0 && s.Reserved()+least > s.Budget {
		s.unused.step(at, float64(unused))
		s.held.step(at, 1)
		return
	}
	s.unused.step(at, 0)
	s.held.step(at, 0)
}

// Paused reports whether a running task is frozen.
func (s *State) Paused(id string) bool {
	a := s.running[id]
	return a != nil && a.paused
}

// Curve returns the usage of a running task so far, at equal intervals.
func (s *State) Curve(id string) []memtools.Bytes {
	if a := s.running[id]; a != nil {
		return slices.Clone(a.curve.points)
	}
	return nil
}

// exit returns the exit code of the run, and the reason if it is not zero: those of
// RunFinished if the run has ended, else those that follow from the tasks so far.
func (s *State) exit() (code int, reason string) {
	if s.finished != nil {
		return s.finished.ExitCode, s.finished.Reason
	}
	if s.Failed == 0 {
		return 0, ""
	}
	list := func(labels []string) string { return strings.Join(slices.Sorted(slices.Values(labels)), ", ") }
	switch len(s.outOfMemory) {
	case 0:
		return problem.ExitFailed, s.Run.Target + " failed: " + list(s.failed)
	case len(s.failed):
		return problem.ExitOutOfMemory, s.Run.Target + " failed, out of memory: " + list(s.failed)
	default:
		return problem.ExitOutOfMemory, s.Run.Target + " failed: " + list(s.failed) + " (out of memory: " + list(s.outOfMemory) + ")"
	}
}

// Summary returns the run's last event, as far as the events so far tell. The caller
// fills in Duration, and a reason to end that lies outside the tasks.
func (s *State) Summary() event.RunFinished {
	f := event.RunFinished{
		Target: s.Run.Target, Succeeded: s.Succeeded, Failed: s.Failed, Skipped: s.Skipped, Known: s.Known, Saved: s.Saved,
		Peak: s.Peak, Usage: s.Usage, Budget: s.Budget, Serial: s.Serial,
		Retries: s.Retries, Pauses: s.Pauses, Collections: s.Collections,
	}
	f.ExitCode, f.Reason = s.exit()
	if s.to.IsZero() {
		return f
	}
	f.Tasks = s.to.Sub(s.from)
	if s.Run.Foreign {
		f.Serial = 0 // what another order would take is not known
	} else if s.Failed == 0 && s.Skipped == 0 && !s.guessed {
		f.Bound, f.BoundBy = s.bound()
	}
	if s.held.sum > 0 {
		f.Unused = memtools.Bytes(s.unused.sum / s.held.sum)
	}
	return f
}
