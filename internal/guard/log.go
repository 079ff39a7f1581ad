package guard

import (
	"fmt"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

// slowStart is how long a script waits before a line tells so.
const slowStart = time.Second

// quietLog prints what the user should know of a guarded run, beside what the runner prints: its
// start, waits, corrections, failures for memory, and its end.
type quietLog struct {
	*report.Console
	command string
	needs   map[string]memtools.Bytes
	queued  map[string]event.Stamped // scripts that wait and are not told yet
	told    map[string]bool          // those that are
}

// Take prints an event, if it is one of those.
func (l *quietLog) Take(s event.Stamped, sum *tally.State) {
	switch e := s.Event.(type) {
	case event.RunStarted:
		l.needs, l.queued, l.told = map[string]memtools.Bytes{}, map[string]event.Stamped{}, map[string]bool{}
		fmt.Fprintf(l.Console, "🛡️  Guarding %q within %v (%s)\n", l.command, e.Budget, e.BudgetSource)
	case event.RunPlanned:
		for _, t := range e.Tasks {
			l.needs[t.ID] = t.Need
		}
	case event.TaskQueued:
		l.queued[e.ID] = s
	case event.Sample:
		for id, q := range l.queued {
			if waits := q.Event.(event.TaskQueued); s.Time.Sub(q.Time) >= slowStart {
				delete(l.queued, id)
				l.told[id] = true
				fmt.Fprintf(l.Console, "⏳ %s waits for %v: what runs needs %v of %v\n", sum.Label(waits.Task), l.needs[id], sum.Reserved(), e.Budget)
			}
		}
	case event.TaskStarted:
		delete(l.queued, e.ID)
		if l.told[e.ID] {
			delete(l.told, e.ID)
			fmt.Fprintf(l.Console, "▶️  %s starts\n", sum.Label(e.Task))
		}
	case event.TaskFinished:
		if e.Status == event.OutOfMemory || e.Status == event.Stopped || e.Retry {
			e.Label = sum.Label(e.Task) // a package may have several scripts at once
			s.Event = e
			l.Console.Take(s, sum)
		}
	case event.Correction:
		e.Task.Label = sum.Label(e.Task)
		s.Event = e
		l.Console.Take(s, sum)
	case event.Notice:
		l.Console.Take(s, sum)
	case event.RunFinished:
		for _, line := range report.Totals(e) {
			fmt.Fprintf(l.Console, "🛡️  %s\n", line)
		}
	}
}
