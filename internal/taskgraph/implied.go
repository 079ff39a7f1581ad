package taskgraph

import (
	"fmt"
	"iter"
	"math/big"
	"slices"

	"github.com/heapmage/heapmage/internal/workspace"
)

// Implied is a task that must have ended before another begins, though nothing declares
// it: one of them writes what the other reads.
type Implied struct {
	Task *Task
	// Why is the reason, for messages.
	Why string
}

// clean is the target whose tasks read no outputs.
const clean = "clean"

// imply keeps tasks from running beside those that write what they read. A task with a
// declared order stays where it is: the other one then comes after it. Two tasks that have
// an order already keep it, so there is never a cycle.
func (b *builder) imply(g *Graph) {
	writers := b.writers(g)
	o := newPrecedence(g.Tasks)
	for p := range b.wanted(g, writers) {
		if o.precedes(p.then, p.first) && (p.writer == nil || p.first.Package != p.then.Package) {
			g.Contrary = append(g.Contrary, fmt.Sprintf("%s after %s", p.then.ID, p.first.ID))
		}
	}
	for p := range b.wanted(g, writers) {
		first, then := p.first, p.then
		if o.precedes(first, then) || o.precedes(then, first) {
			continue
		}
		if b.nodes[then.ID].order.Declared {
			first, then = then, first
		}
		if b.nodes[then.ID].order.Declared {
			continue
		}
		why := "the build of its own package"
		if p.writer != nil {
			why = fmt.Sprintf("%s runs the script %s, which writes what the other may read", p.writer.ID, writers[p.writer])
		}
		o.add(first, then, why)
	}
}

// writers are the tasks that run another script of their package, which writes outputs,
// each with that script. What never ends is none: nothing could come after it.
func (b *builder) writers(g *Graph) map[*Task]string {
	found := map[*Task]string{}
	for _, t := range g.Tasks {
		if b.Writes == nil || b.nodes[t.ID].order.Persistent {
			continue
		}
		if called := b.Writes(t); called != "" {
			found[t] = called
		}
	}
	return found
}

// pair are two tasks of which the first should end before the other begins.
type pair struct {
	first, then *Task
	// writer is the one of them that writes what the other reads; nil if Order.IfRun of
	// the second names the first.
	writer *Task
}

// wanted yields each task after its own package's, as Order.IfRun has it, then each after
// the writers in the packages that it depends on, the nearest first. Within a package the
// writer comes after the others: it does over what the build has done.
func (b *builder) wanted(g *Graph, writers map[*Task]string) iter.Seq[pair] {
	return func(yield func(pair) bool) {
		for _, t := range g.Tasks {
			n := b.nodes[t.ID]
			for _, target := range n.order.IfRun {
				own := b.nodes[id(t.Package, b.name(step{t.Package, target}))]
				usable := own != nil && own.task != nil && own.task != t && !own.order.Persistent
				if usable && !n.order.Declared && !yield(pair{own.task, t, nil}) {
					return
				}
			}
		}
		sorted := slices.DeleteFunc(slices.Clone(g.Tasks), func(t *Task) bool { return writers[t] == "" })
		below := map[*workspace.Package]map[*workspace.Package]bool{}
		for _, t := range g.Tasks {
			if len(sorted) == 0 || t.Target == clean || b.nodes[t.ID].order.Persistent {
				continue
			}
			if below[t.Package] == nil {
				below[t.Package] = withDependencies(t.Package)
			}
			for _, w := range slices.Backward(sorted) {
				p := pair{w, t, w}
				if w.Package == t.Package {
					p.first, p.then = t, w
				}
				if w != t && below[t.Package][w.Package] && !yield(p) {
					return
				}
			}
		}
	}
}

// withDependencies are a package and all that it depends on.
func withDependencies(p *workspace.Package) map[*workspace.Package]bool {
	found := map[*workspace.Package]bool{}
	var visit func(p *workspace.Package)
	visit = func(p *workspace.Package) {
		if found[p] {
			return
		}
		found[p] = true
		for _, d := range p.Dependencies {
			visit(d.To)
		}
	}
	visit(p)
	return found
}

// precedence knows of any two tasks whether one comes after the other.
type precedence struct {
	tasks  []*Task
	number map[*Task]int
	before []*big.Int // for each task the set of those before it, by their numbers
}

// newPrecedence takes tasks that stand behind those they come after.
func newPrecedence(tasks []*Task) *precedence {
	o := &precedence{tasks: tasks, number: make(map[*Task]int, len(tasks)), before: make([]*big.Int, len(tasks))}
	for i, t := range tasks {
		o.number[t], o.before[i] = i, new(big.Int)
		for _, a := range t.After {
			o.put(o.number[a], i)
		}
	}
	return o
}

// put adds a task, with all before it, to the set of another.
func (o *precedence) put(first, then int) {
	set := o.before[then]
	set.Or(set, o.before[first]).SetBit(set, first, 1)
}

func (o *precedence) precedes(first, then *Task) bool {
	return o.before[o.number[then]].Bit(o.number[first]) == 1
}

// add orders two tasks that have no order yet.
func (o *precedence) add(first, then *Task, why string) {
	then.Implied = append(then.Implied, Implied{first, why})
	f, at := o.number[first], o.number[then]
	o.put(f, at)
	for i := range o.tasks {
		if o.before[i].Bit(at) == 1 {
			o.put(at, i)
		}
	}
}
