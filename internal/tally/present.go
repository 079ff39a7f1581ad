package tally

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// Running is a task that runs.
type Running struct {
	event.Task
	// Since is when its attempt began.
	Since time.Time
	// Need is what is reserved for it, Usage what it was last seen to use.
	Need, Usage memtools.Bytes
	Paused      bool
}

// Running returns the tasks that run, the oldest first.
func (s *State) Running() []Running {
	tasks := make([]Running, 0, len(s.running))
	for _, a := range s.running {
		tasks = append(tasks, Running{Task: a.task, Since: a.since, Need: a.need, Usage: a.usage, Paused: a.paused})
	}
	slices.SortFunc(tasks, func(a, b Running) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return tasks
}

// Label names a task in the log.
func (s *State) Label(t event.Task) string { return t.LabelIn(s.Run.Target) }

// Waiting counts the tasks that have yet to start, by what they wait for.
type Waiting struct {
	// Memory and Turn count those that may start otherwise. Turn is for a processor, or for
	// one of the tasks to end of which only so many may run at once.
	Memory, Turn int
	// Order counts those that wait for other tasks.
	Order int
}

// Waiting returns what the tasks wait for now.
func (s *State) Waiting() Waiting {
	ready := len(s.waiting.ready)
	w := Waiting{Order: max(0, len(s.plan)-len(s.ended)-len(s.running)-ready)}
	if s.slotFree() {
		w.Memory = s.waiting.above(s.Budget - s.Reserved())
	}
	w.Turn = ready - w.Memory
	return w
}

// Reserved is the memory that nothing else can be planned with: what the running tasks have or
// may still take as planned, and what the run uses beside them, such as the runner of a guarded
// command.
func (s *State) Reserved() (reserved memtools.Bytes) {
	reserved = s.beside
	for _, a := range s.running {
		reserved += max(a.need, a.usage)
	}
	return reserved
}

// slotFree reports whether another task may run as far as their number goes.
func (s *State) slotFree() bool { return s.Run.Concurrency == 0 || len(s.running) < s.Run.Concurrency }

// Left estimates how long the run will still take: the lower bound of what is left, as bound
// has it, by the lengths that were planned. It is false if one of them is unknown. Tasks whose
// results may turn out to be known count as if they ran.
func (s *State) Left(now time.Time) (left time.Duration, ok bool) {
	var work, processors, memory float64 // seconds, alone, times processors and times bytes
	chains := make(map[string]time.Duration, len(s.plan))
	for _, t := range s.plan {
		length := t.Length
		if s.ended[t.ID] {
			length = 0
		} else if length <= 0 {
			return 0, false
		}
		if a := s.running[t.ID]; a != nil {
			length = max(0, length-now.Sub(a.since))
		}
		for _, id := range t.After {
			chains[t.ID] = max(chains[t.ID], chains[id])
		}
		chains[t.ID] += length
		left = max(left, chains[t.ID])
		work += length.Seconds()
		processors += length.Seconds() * cmp.Or(t.Cores, 1)
		memory += length.Seconds() * float64(t.Need)
	}
	seconds := memory / float64(max(s.Budget, 1))
	if n := s.Run.Concurrency; n > 0 {
		seconds = max(seconds, work/float64(n))
	}
	if s.Run.CPUs > 0 {
		seconds = max(seconds, processors/s.Run.CPUs)
	}
	return max(left, time.Duration(seconds*float64(time.Second))), left > 0
}
