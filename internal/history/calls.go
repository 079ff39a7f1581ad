package history

import (
	"cmp"
	"slices"
	"strings"
)

// mostCalls is how many calls of one task with different arguments are kept. Arguments such as
// the names of files may never be the same again.
const mostCalls = 16

// WithoutArgs is the name of a task without the arguments that follow it: "core#test" of
// "core#test --coverage".
func WithoutArgs(task string) string {
	at := max(0, strings.Index(task, "#"))
	if end := strings.Index(task[at:], " "); end >= 0 {
		return task[:at+end]
	}
	return task
}

// calls are the tasks with arguments, by their name without.
func (s *samples) calls() map[string][]string {
	all := map[string][]string{}
	for task := range s.tasks {
		if plain := WithoutArgs(task); plain != task {
			all[plain] = append(all[plain], task)
		}
	}
	return all
}

// crowded reports whether there are far more calls of a task than are kept.
func (s *samples) crowded() bool {
	for _, calls := range s.calls() {
		if len(calls) > 2*mostCalls {
			return true
		}
	}
	return false
}

// thin leaves out the calls of each task that were not used for longest.
func (s *samples) thin() {
	for _, calls := range s.calls() {
		slices.SortFunc(calls, func(a, b string) int { return cmp.Or(cmp.Compare(s.last(b), s.last(a)), cmp.Compare(a, b)) })
		for _, task := range calls[min(mostCalls, len(calls)):] {
			delete(s.tasks, task)
		}
	}
}

// last is when a task ran last.
func (s *samples) last(task string) (at int64) {
	for _, r := range s.tasks[task] {
		at = max(at, r.time)
	}
	return at
}
