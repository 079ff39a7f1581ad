package schedule

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// load is what admission looks at: what is reserved by the tasks that run, and
// what there is.
type load struct {
	running  int
	reserved memtools.Bytes
	slots    int
	// budget is zero where memory does not bound admission.
	budget memtools.Bytes
}

// admit returns how many of the ready jobs, from the front, may start now. A
// job starts when a slot is free and either nothing runs, so that no run ever
// stands still, or its need fits beside what is reserved. It stops at the first
// that does not fit: a large job is never overtaken without end by small ones.
func admit(ready []Job, l load) int {
	for n, j := range ready {
		if l.running >= l.slots {
			return n
		}
		if l.running > 0 && l.budget > 0 && l.reserved+j.Need > l.budget {
			return n
		}
		l.running++
		l.reserved += j.Need
	}
	return len(ready)
}

// longestPaths returns for each job the time from its start to the end of the
// run if nothing had to wait: its own length and the longest chain after it.
// Jobs must come after those that they depend on. A job without a known length
// counts as the mean of the others, or as a second.
func longestPaths(jobs []Job) map[string]time.Duration {
	unknown := meanLength(jobs)
	paths := make(map[string]time.Duration, len(jobs))
	after := make(map[string]time.Duration, len(jobs)) // the longest chain behind each job
	for _, j := range slices.Backward(jobs) {
		length := j.Length
		if length <= 0 {
			length = unknown
		}
		paths[j.ID] = length + after[j.ID]
		for _, a := range j.After {
			after[a] = max(after[a], paths[j.ID])
		}
	}
	return paths
}

func meanLength(jobs []Job) time.Duration {
	var sum time.Duration
	known := 0
	for _, j := range jobs {
		if j.Length > 0 {
			sum += j.Length
			known++
		}
	}
	if known == 0 {
		return time.Second
	}
	return sum / time.Duration(known)
}
