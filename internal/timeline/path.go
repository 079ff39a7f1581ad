package timeline

import (
	"slices"
	"time"
)

// Link is an attempt on the critical path, and what it had to wait for.
type Link struct {
	Task, Attempt int // indices in Tasks and Attempts
	// Before tells why it could not start earlier.
	Before Reason
}

// Reason is why an attempt could not start earlier than when the attempt before it in the path ended.
type Reason string

// The reasons.
const (
	First      Reason = ""           // it is the first of the path
	Dependency Reason = "dependency" // it depends on that one, or follows it
	Room       Reason = "room"       // that one gave it memory, or a processor
	Retry      Reason = "retry"      // that was the last attempt at the same task
)

// atOnce is the most time between the end of a task and the start of one that depends on it, if
// nothing else held that one up.
const atOnce = 250 * time.Millisecond

// CriticalPath is the chain of attempts that set the end of the run, the first one first: the
// attempt that ended last, before it the one whose end let it start, and so on. It is empty if
// another task runner chose the order.
func (t *Timeline) CriticalPath() []Link {
	if t.Run.Foreign {
		return nil
	}
	type end struct {
		Link
		at time.Time
	}
	var ends []end
	for i, task := range t.Tasks {
		for n, a := range task.Attempts {
			ends = append(ends, end{Link{Task: i, Attempt: n}, a.End})
		}
	}
	slices.SortStableFunc(ends, func(a, b end) int { return a.at.Compare(b.at) })
	var path []Link
	for at := len(ends) - 1; at >= 0; {
		link := ends[at].Link
		task := t.Tasks[link.Task]
		start := task.Attempts[link.Attempt].Start
		// Those that ended before it began are before it in ends, too.
		at--
		for at >= 0 && ends[at].at.After(start) {
			at--
		}
		latest := at
		for n := at; n >= 0 && ends[latest].at.Sub(ends[n].at) < atOnce; n-- {
			if ends[n].Task == link.Task {
				link.Before, at = Retry, n
				break
			}
			if slices.Contains(task.After, t.Tasks[ends[n].Task].ID) {
				link.Before, at = Dependency, n
				break
			}
		}
		if at >= 0 && link.Before == First {
			link.Before = Room
		}
		path = append(path, link)
	}
	slices.Reverse(path)
	return path
}
