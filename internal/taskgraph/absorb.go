package taskgraph

import (
	"cmp"
	"slices"
)

// Absorb takes away each task whose script another task has run again in any case, so that
// it does not run twice. What came after it comes after the other. reruns returns what a
// task has run, as "core#build" with the name of the script. A task stays if several others
// rerun it, or if something has to come between the two. The result are the
// tasks that are gone, with those that run them.
func (g *Graph) Absorb(reruns func(*Task) []string) map[*Task]*Task {
	byScript, outers := map[string]*Task{}, map[*Task][]*Task{}
	for _, t := range g.Tasks {
		byScript[t.Package.Name+"#"+t.Script] = t
	}
	for _, outer := range g.Tasks {
		for _, script := range reruns(outer) {
			if inner := byScript[script]; inner != nil && inner != outer {
				outers[inner] = append(outers[inner], outer)
			}
		}
	}
	gone := map[*Task]*Task{}
	for _, inner := range slices.Clone(g.Tasks) {
		if of := outermost(outers[inner], outers); of != nil && gone[of] == nil && !between(inner, of) && !between(of, inner) {
			g.absorb(inner, of)
			gone[inner] = of
		}
	}
	g.order()
	return gone
}

// outermost is the one of the tasks that reruns the others too, nil if none does.
func outermost(all []*Task, outers map[*Task][]*Task) *Task {
	for _, t := range all {
		if !slices.ContainsFunc(all, func(other *Task) bool { return other != t && !slices.Contains(outers[other], t) }) {
			return t
		}
	}
	return nil
}

// between reports whether a task comes after inner and before outer.
func between(inner, outer *Task) bool {
	return slices.ContainsFunc(outer.Predecessors(), func(t *Task) bool { return t != inner && t.follows(inner, map[*Task]bool{}) })
}

// follows reports whether a task comes after another, directly or not.
func (t *Task) follows(other *Task, seen map[*Task]bool) bool {
	seen[t] = true
	return slices.ContainsFunc(t.Predecessors(), func(a *Task) bool { return a == other || !seen[a] && a.follows(other, seen) })
}

// absorb puts one task in the place of another.
func (g *Graph) absorb(inner, outer *Task) {
	g.Tasks = slices.DeleteFunc(g.Tasks, func(t *Task) bool { return t == inner })
	outer.After = append(outer.After, inner.After...)
	outer.Implied = append(outer.Implied, inner.Implied...)
	for _, t := range g.Tasks {
		for i, a := range t.After {
			if a == inner {
				t.After[i] = outer
			}
		}
		slices.SortFunc(t.After, func(x, y *Task) int { return cmp.Compare(x.ID, y.ID) })
		t.After = slices.DeleteFunc(slices.Compact(t.After), func(a *Task) bool { return a == t })
		for i, implied := range t.Implied {
			if implied.Task == inner {
				t.Implied[i].Task = outer
			}
		}
		t.Implied = slices.DeleteFunc(t.Implied, func(i Implied) bool { return i.Task == t || slices.Contains(t.After, i.Task) })
	}
}
