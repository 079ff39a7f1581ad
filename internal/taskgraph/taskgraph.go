// Package taskgraph turns a target and a selection of packages into tasks and the
// order between them. It is pure: it reads no file and starts nothing.
package taskgraph

import (
	"cmp"
	"maps"
	"slices"

	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Task is one script of one package.
type Task struct {
	// ID is "core#build": the package's name and the target.
	ID string
	// Package and Script are what runs. Target is the name that was asked for; it
	// differs from Script if the package has the script under a synonym.
	Package *workspace.Package
	Target  string
	Script  string
	// Wanted is true if the task was asked for itself. Others run because it comes after
	// them.
	Wanted bool
	// Args follow the command line of its script.
	Args []string
	// After are the tasks that must succeed first, ordered by ID.
	After []*Task
	// Implied are further tasks that must have ended first, no matter how.
	Implied []Implied
	// Depth is the length of the longest chain of tasks below this one.
	Depth int
}

// Upstream returns the tasks that come before this one, in any number of steps and in no order.
func (t *Task) Upstream() (all []*Task) {
	seen := map[*Task]bool{t: true}
	for next := []*Task{t}; len(next) > 0; next = next[1:] {
		for _, before := range next[0].Predecessors() {
			if !seen[before] {
				seen[before] = true
				next, all = append(next, before), append(all, before)
			}
		}
	}
	return all
}

// Call is what the history knows the task by: its ID, and with arguments these too, as a
// script may take far more or less memory with others.
func (t *Task) Call() string {
	return t.ID + scripttext.QuoteAll(t.Args)
}

// Predecessors returns all tasks that come right before this one.
func (t *Task) Predecessors() []*Task {
	all := slices.Clip(t.After)
	for _, i := range t.Implied {
		all = append(all, i.Task)
	}
	return all
}

// IDs returns the IDs of tasks. It is never nil.
func IDs(tasks []*Task) []string {
	ids := make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.ID
	}
	return ids
}

// Graph is a set of tasks without cycles.
type Graph struct {
	// Tasks are ordered by depth, then by folder, then by ID, so that each comes
	// after what it depends on.
	Tasks []*Task
	// LeftOut are the IDs of tasks that Order.With names and that never end, in order:
	// they would keep those beside them from ending.
	LeftOut []string
	// Contrary are orders that would be implied, but for a declared order that is the
	// other way round: "web#test after core#test".
	Contrary []string
}

// Packages returns the packages that have a task, in the order of Tasks.
func (g *Graph) Packages() []*workspace.Package {
	var packages []*workspace.Package
	seen := map[*workspace.Package]bool{}
	for _, t := range g.Tasks {
		if !seen[t.Package] {
			seen[t.Package] = true
			packages = append(packages, t.Package)
		}
	}
	return packages
}

// Keep leaves out the tasks for which wanted returns false. It is called once for each, in the
// order of Tasks. No task may be wanted less than what it comes after: order is not kept
// through a task that is left out.
func (g *Graph) Keep(wanted func(*Task) bool) {
	kept := map[*Task]bool{}
	for _, t := range g.Tasks {
		kept[t] = wanted(t)
	}
	g.Tasks = slices.DeleteFunc(g.Tasks, func(t *Task) bool { return !kept[t] })
	for _, t := range g.Tasks {
		t.After = slices.DeleteFunc(t.After, func(a *Task) bool { return !kept[a] })
		t.Implied = slices.DeleteFunc(t.Implied, func(i Implied) bool { return !kept[i.Task] })
	}
	g.order()
}

// Restrict leaves out the tasks for which kept returns false. With a task it must keep those of
// After. What comes after another one through tasks that are left out still does, as implied.
func (g *Graph) Restrict(kept func(*Task) bool) {
	before := map[*Task][]Implied{} // of those that are left out
	for _, t := range g.Tasks {     // each comes after its predecessors
		var implied []Implied
		add := func(i Implied) {
			same := func(other Implied) bool { return other.Task == i.Task }
			if !slices.Contains(t.After, i.Task) && !slices.ContainsFunc(implied, same) {
				implied = append(implied, i)
			}
		}
		preceding := t.Implied
		if !kept(t) {
			for _, a := range t.After {
				preceding = append(slices.Clip(preceding), Implied{a, "others between them run elsewhere"})
			}
			t.After = nil
		}
		for _, i := range preceding {
			if kept(i.Task) {
				add(i)
				continue
			}
			for _, earlier := range before[i.Task] {
				add(earlier)
			}
		}
		if t.Implied = implied; !kept(t) {
			before[t] = implied
		}
	}
	g.Tasks = slices.DeleteFunc(g.Tasks, func(t *Task) bool { return !kept(t) })
	g.order()
}

// Request is what a graph is made of.
type Request struct {
	// Wanted is what to run.
	Wanted []Wanted
	// NoDeps leaves out the tasks that those depend on.
	NoDeps bool
	// Order returns what precedes and accompanies a target of a package, which need
	// not have a script for it.
	Order func(pkg *workspace.Package, target string) Order
	// Edges returns the packages that a package depends on, without cycles.
	Edges func(*workspace.Package) []*workspace.Package
	// Script returns the name of the package's script for a target.
	Script func(pkg *workspace.Package, target string) (string, bool)
	// Targets are those whose script may have another name. A script is one task. It is
	// called by the first target that it runs for: of those that are wanted and in Targets,
	// then of Targets, then of the others that are wanted.
	Targets []string
	// Packages are all packages of the workspace and its root, for "core#generate".
	Packages []*workspace.Package
	// Writes returns another script of the same package that a task's script has run and
	// that writes outputs; empty if there is none. Nil means that no task does that.
	Writes func(*Task) string
}

// Wanted is a target, with the packages in which to run it.
type Wanted struct {
	Target   string
	Packages []*workspace.Package
}

// targets are what tasks may be called by, the first in preference.
func (r Request) targets() (all []string) {
	for _, w := range r.Wanted {
		if slices.Contains(r.Targets, w.Target) {
			all = append(all, w.Target)
		}
	}
	all = append(all, r.Targets...)
	for _, w := range r.Wanted {
		all = append(all, w.Target)
	}
	return all
}

// selected are the packages in which anything is wanted.
func (r Request) selected() (all []*workspace.Package) {
	for _, w := range r.Wanted {
		all = append(all, w.Packages...)
	}
	return all
}

// Order is what is declared of a target of a package.
type Order struct {
	// DependsOn are the tasks that must succeed first. An entry is "^build" (that
	// target of each package depended on), "generate" (that target of the same
	// package) or "core#generate" (that one task). A package may have any of its Keys.
	DependsOn []string
	// With are tasks that run too if this one does, in any order, written in the same
	// way, without "^".
	With []string
	// Passes is true if DependsOn and With hold even in a package that was asked for and
	// has no script for the target. What is reached through DependsOn always passes
	// its order on.
	Passes bool
	// Persistent is true for a task that never ends, so that nothing can come after it.
	Persistent bool
	// IfRun are targets of the same package that come first if they run anyway.
	IfRun []string
	// Declared is true if a file gives DependsOn: no other order is implied then.
	Declared bool
	// From names the file that gives the order, for messages.
	From string
}

// Build returns the graph of a request. Its errors are cycles, entries that name an
// unknown package, and tasks that come after one that never ends, each a
// *problem.Error.
func Build(r Request) (*Graph, error) {
	b := builder{Request: r, nodes: map[string]*node{}, found: map[step]*node{}, targets: r.targets()}
	if err := b.visitAll(); err != nil {
		return nil, err
	}
	b.markWanted()
	if err := b.checkPersistent(); err != nil {
		return nil, err
	}
	g := &Graph{}
	for _, key := range slices.Sorted(maps.Keys(b.nodes)) {
		n := b.nodes[key]
		if n.task == nil {
			continue
		}
		g.Tasks = append(g.Tasks, n.task)
		for below := range n.below() {
			n.task.After = append(n.task.After, below)
		}
		slices.SortFunc(n.task.After, func(x, y *Task) int { return cmp.Compare(x.ID, y.ID) })
	}
	g.order()
	b.imply(g)
	g.order()
	g.LeftOut = b.leftOut()
	return g, nil
}

// order sets the depths and sorts the tasks by them.
func (g *Graph) order() {
	depths := map[*Task]int{}
	var depth func(*Task) int
	depth = func(t *Task) int {
		if d, ok := depths[t]; ok {
			return d
		}
		d := 0
		for _, a := range t.Predecessors() {
			d = max(d, depth(a)+1)
		}
		depths[t] = d
		return d
	}
	for _, t := range g.Tasks {
		t.Depth = depth(t)
	}
	slices.SortFunc(g.Tasks, func(x, y *Task) int {
		return cmp.Or(cmp.Compare(x.Depth, y.Depth), cmp.Compare(x.Package.Dir, y.Package.Dir), cmp.Compare(x.ID, y.ID))
	})
}
