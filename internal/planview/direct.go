package planview

import (
	"slices"

	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Direct returns the direct predecessors of each task of a graph: those that must succeed
// first, and further ones that must have ended first. A task that comes first anyway, because
// of others of them, is left out.
func Direct(g *taskgraph.Graph) (after, afterEnd map[*taskgraph.Task][]*taskgraph.Task) {
	at := make(map[*taskgraph.Task]int, len(g.Tasks))
	for i, t := range g.Tasks {
		at[t] = i
	}
	succeeded := make([]set, len(g.Tasks)) // what must succeed before each task
	before := make([]set, len(g.Tasks))    // what comes before it at all
	after, afterEnd = map[*taskgraph.Task][]*taskgraph.Task{}, map[*taskgraph.Task][]*taskgraph.Task{}
	for i, t := range g.Tasks { // each comes after its predecessors
		succeeded[i], before[i] = newSet(len(g.Tasks)), newSet(len(g.Tasks))
		all := t.Predecessors()
		// through reports whether a task comes before another predecessor.
		through := func(p *taskgraph.Task, others []*taskgraph.Task, of []set) bool {
			return slices.ContainsFunc(others, func(o *taskgraph.Task) bool { return of[at[o]].has(at[p]) })
		}
		for _, p := range t.After {
			if !through(p, t.After, succeeded) {
				after[t] = append(after[t], p)
			}
			succeeded[i].add(at[p], succeeded[at[p]])
		}
		for _, implied := range t.Implied {
			if p := implied.Task; !slices.Contains(t.After, p) && !through(p, all, before) {
				afterEnd[t] = append(afterEnd[t], p)
			}
		}
		for _, p := range all {
			before[i].add(at[p], before[at[p]])
		}
	}
	return after, afterEnd
}

// set is a set of small numbers.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) has(n int) bool { return s[n/64]&(1<<(n%64)) != 0 }

// add adds a number and all of another set.
func (s set) add(n int, others set) {
	s[n/64] |= 1 << (n % 64)
	for i, bits := range others {
		s[i] |= bits
	}
}
