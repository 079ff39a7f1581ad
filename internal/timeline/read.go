package timeline

import (
	"io"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

// Read reads a record. What is damaged ends it, and Damage tells of it.
func Read(record io.Reader) *Timeline {
	r := reader{t: &Timeline{}, byID: map[string]int{}}
	r.samples.tasks = func(id string) (int, bool) {
		at, ok := r.byID[id]
		return at, ok
	}
	for s, err := range event.Scan(record) {
		if err != nil {
			r.t.Damage = err.Error()
			break
		}
		r.take(s)
	}
	r.finish()
	return r.t
}

// reader folds events into a timeline.
type reader struct {
	t       *Timeline
	state   tally.State
	byID    map[string]int // index in t.Tasks
	samples samples
	queue   queue
	// early is when a task was frozen whose attempt has not started, by index.
	early map[int]time.Time
}

func (r *reader) take(s event.Stamped) {
	if r.t.Start.IsZero() {
		r.t.Start, r.t.End = s.Time, s.Time
	}
	if s.Time.Before(r.t.End) { // a clock that was set back
		s.Time = r.t.End
	}
	r.t.End = s.Time
	r.state.Apply(s)
	at := s.Time
	switch e := s.Event.(type) {
	case event.RunStarted:
		e.Budget, e.HeapLimit, e.CPUs, e.Concurrency = size(e.Budget), size(e.HeapLimit), max(0, e.CPUs), max(0, e.Concurrency)
		r.t.Run = e
		r.queue.budget, r.queue.concurrency, r.queue.cpus = e.Budget, e.Concurrency, e.CPUs
	case event.RunPlanned:
		for _, p := range e.Tasks {
			p.Need = size(p.Need)
			r.task(p.Task).PlannedTask = p
		}
	case event.RunFinished:
		r.t.Ended, r.t.Totals = true, totals(e)
	case event.TaskQueued, event.TaskStarted, event.TaskFinished, event.TaskSkipped, event.TaskKnown, event.Correction:
		r.takeTask(at, e)
	case event.Notice:
		r.t.Notices = append(r.t.Notices, Notice{at, e})
	case event.Pressure:
		e.Usage, e.Budget = size(e.Usage), size(e.Budget)
		r.t.Pressures = append(r.t.Pressures, Pressure{at, e})
	case event.Memory:
		if r.t.Run.Format < 2 { // later ones have samples
			r.sample(at, event.Sample{Usage: e.Usage, Budget: e.Budget})
		}
	case event.Sample:
		r.sample(at, e)
	case event.StepStarted:
		r.t.Steps = append(r.t.Steps, Step{StepStarted: e, Interval: Interval{From: at}})
	case event.StepFinished:
		if n := len(r.t.Steps); n > 0 {
			r.t.Steps[n-1].Result, r.t.Steps[n-1].To = &e, at
		}
	case event.GCStarted:
		r.t.Collections = append(r.t.Collections, Collection{Trigger: e.Trigger, Interval: Interval{From: at}})
	case event.GCFinished:
		if n := len(r.t.Collections); n > 0 {
			e.Freed = size(e.Freed)
			r.t.Collections[n-1].Result, r.t.Collections[n-1].To = &e, at
		}
	}
}

func (r *reader) sample(at time.Time, e event.Sample) {
	if e.Budget <= 0 { // nothing was measured
		return
	}
	r.samples.add(at, at.Sub(r.t.Start), e)
	r.queue.budget = e.Budget
	for id, usage := range e.Tasks {
		if i, ok := r.byID[id]; ok {
			r.queue.use(i, size(usage))
		}
	}
}

// takeTask takes an event of a task.
func (r *reader) takeTask(at time.Time, e event.Event) {
	switch e := e.(type) {
	case event.TaskQueued:
		t := r.task(e.Task)
		r.queue.add(r.byID[e.ID], t.Need, at)
	case event.TaskStarted:
		t := r.task(e.Task)
		e.Need, e.HeapLimit = size(e.Need), size(e.HeapLimit)
		r.endWait(t, at)
		r.end(t, at, nil) // a damaged record may lack it
		r.queue.start(r.byID[e.ID], e.Need, at)
		a := Attempt{TaskStarted: e, Start: at}
		if from, ok := r.early[r.byID[e.ID]]; ok {
			a.Frozen = append(a.Frozen, Interval{From: later(from, at)})
			delete(r.early, r.byID[e.ID])
		}
		t.Attempts = append(t.Attempts, a)
	case event.TaskFinished:
		t := r.task(e.Task)
		e.Duration, e.Frozen, e.CPU, e.Peak = max(0, e.Duration), max(0, e.Frozen), max(0, e.CPU), size(e.Peak)
		r.queue.end(r.byID[e.ID], at)
		r.end(t, at, &e)
		if e.Retry {
			r.queue.add(r.byID[e.ID], max(t.Need, 0), at)
		}
	case event.TaskKnown:
		t := r.task(e.Task)
		r.endWait(t, at)
		e.Written, e.Duration, e.CPU, e.Peak = max(0, e.Written), max(0, e.Duration), max(0, e.CPU), size(e.Peak)
		t.Known, t.KnownAt = &e, at
	case event.TaskSkipped:
		t := r.task(e.Task)
		r.endWait(t, at)
		t.Skipped = &e
	case event.Correction:
		r.correct(at, e)
	}
}

func (r *reader) correct(at time.Time, e event.Correction) {
	t := r.task(e.Task)
	a := r.running(t)
	switch paused := e.Action == event.Paused; {
	case a == nil && !paused:
		delete(r.early, r.byID[e.ID])
	case a == nil && (e.Attempt == 0 || e.Attempt > len(t.Attempts)): // an earlier one has just ended
		if r.early == nil {
			r.early = map[int]time.Time{}
		}
		r.early[r.byID[e.ID]] = at
	case a == nil || e.Attempt != 0 && e.Attempt != a.Attempt:
	case paused && !frozen(a):
		a.Frozen = append(a.Frozen, Interval{From: at})
	case !paused:
		thaw(a, at)
	}
}

// frozen reports whether an attempt is frozen now.
func frozen(a *Attempt) bool { return len(a.Frozen) > 0 && a.Frozen[len(a.Frozen)-1].To.IsZero() }

func thaw(a *Attempt, at time.Time) {
	if frozen(a) {
		a.Frozen[len(a.Frozen)-1].To = at
	}
}

// running is the attempt of a task that has not ended, nil if there is none.
func (r *reader) running(t *Task) *Attempt {
	if n := len(t.Attempts); n > 0 && t.Attempts[n-1].End.IsZero() {
		return &t.Attempts[n-1]
	}
	return nil
}

// end ends the attempt of a task that runs, if there is one.
func (r *reader) end(t *Task, at time.Time, result *event.TaskFinished) {
	if a := r.running(t); a != nil {
		thaw(a, at)
		a.End, a.Result = at, result
	}
}

func (r *reader) endWait(t *Task, at time.Time) {
	if w, ok := r.queue.remove(r.byID[t.ID], at); ok {
		t.Waits = append(t.Waits, w)
	}
}

// task is the task of an event, new if it was not planned.
func (r *reader) task(e event.Task) *Task {
	at, ok := r.byID[e.ID]
	if !ok {
		at = len(r.t.Tasks)
		r.byID[e.ID] = at
		r.t.Tasks = append(r.t.Tasks, &Task{PlannedTask: event.PlannedTask{Task: e}})
	}
	return r.t.Tasks[at]
}

// finish closes what the record left open.
func (r *reader) finish() {
	end := r.t.End
	for i, t := range r.t.Tasks {
		r.end(t, end, nil)
		if w, ok := r.queue.remove(i, end); ok {
			t.Waits = append(t.Waits, w)
		}
	}
	installing := time.Duration(0)
	for i := range r.t.Steps {
		s := &r.t.Steps[i]
		s.To = later(s.To, s.From)
		if s.Result == nil {
			s.To = end
		}
		installing += s.To.Sub(s.From)
	}
	for i := range r.t.Collections {
		if c := &r.t.Collections[i]; c.Result == nil {
			c.To = end
		}
	}
	r.t.Samples = r.samples.list
	if !r.t.Ended {
		r.t.Totals = r.state.Summary()
		r.t.Totals.Duration = max(0, end.Sub(r.t.Start)-installing)
	}
}

// largest is the most memory that is believed: a few hundred of them can be added up, and a script
// reads it exactly.
const largest = 1 << 53

// size is a size of a record, which may be damaged.
func size(b memtools.Bytes) memtools.Bytes { return min(max(0, b), largest) }

// totals are those of a record, which may be damaged.
func totals(e event.RunFinished) event.RunFinished {
	for _, n := range []*int{&e.Succeeded, &e.Failed, &e.Skipped, &e.Known, &e.Retries, &e.Pauses, &e.Collections} {
		*n = max(0, *n)
	}
	for _, d := range []*time.Duration{&e.Saved, &e.Duration, &e.Tasks, &e.Bound, &e.Serial} {
		*d = max(0, *d)
	}
	for _, b := range []*memtools.Bytes{&e.Peak, &e.Usage, &e.Budget, &e.Unused} {
		*b = size(*b)
	}
	return e
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
