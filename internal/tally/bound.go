package tally

import "time"

// bound returns a lower bound for the time that the succeeded tasks take in any order,
// and what sets it: "processors" (processor time divided by processors), "memory"
// (usage over time, divided by the budget), "order" (the longest chain of tasks that
// wait for each other), or "concurrency" (the time of all tasks, divided by how many may run at
// once), which is "serial" if that is one. Pauses do not count.
func (s *State) bound() (bound time.Duration, by string) {
	bound, by = s.longestChain(), "order"
	if s.Run.CPUs > 0 {
		if d := time.Duration(float64(s.cpu) / s.Run.CPUs); d > bound {
			bound, by = d, "processors"
		}
	}
	if s.Run.Budget > 0 {
		if d := time.Duration(s.usageAtEnd / float64(s.Run.Budget) * float64(time.Second)); d > bound {
			bound, by = d, "memory"
		}
	}
	if n := s.Run.Concurrency; n > 0 {
		var all time.Duration
		for _, length := range s.lengths {
			all += length
		}
		if d := all / time.Duration(n); n == 1 {
			bound, by = d, "serial"
		} else if d > bound {
			bound, by = d, "concurrency"
		}
	}
	return bound, by
}

func (s *State) longestChain() time.Duration {
	chains := make(map[string]time.Duration, len(s.plan))
	var longest time.Duration
	for _, t := range s.plan {
		var before time.Duration
		for _, id := range t.After {
			before = max(before, chains[id])
		}
		chains[t.ID] = before + s.lengths[t.ID]
		longest = max(longest, chains[t.ID])
	}
	return longest
}

// integral adds up a figure over time, in the figure's unit times seconds, with a
// straight line between two points. The zero value is empty.
type integral struct {
	sum, last float64
	at        time.Time
}

// add adds a point. If it is not later than the last, it only replaces its figure.
func (i *integral) add(at time.Time, figure float64) {
	if over := at.Sub(i.at).Seconds(); !i.at.IsZero() && over > 0 {
		i.sum += (i.last + figure) / 2 * over
	}
	i.last, i.at = figure, at
}

// step adds a point of a figure that kept its last value until then.
func (i *integral) step(at time.Time, figure float64) {
	i.add(at, i.last)
	i.last = figure
}
