// Package taskgraph turns a target and a selection of packages into tasks and the
// order between them. It is pure: it reads no file and starts nothing.
package taskgraph

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
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
	// After are the tasks that must succeed first, ordered by ID.
	After []*Task
	// Depth is the length of the longest chain of tasks below this one.
	Depth int
}

// Graph is a set of tasks without cycles.
type Graph struct {
	// Tasks are ordered by depth, then by folder, then by ID, so that each comes
	// after what it depends on.
	Tasks []*Task
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

// Request is what a graph is made of.
type Request struct {
	// Target is what to run in the packages of Selected.
	Target   string
	Selected []*workspace.Package
	// NoDeps leaves out the tasks that those depend on.
	NoDeps bool
	// DependsOn holds the tasks that must precede a target, by target or by
	// "package#target", which goes first. An entry is "^build" (that target of
	// each package depended on), "generate" (that target of the same package) or
	// "core#generate" (that one task). A package may have any of its Keys.
	DependsOn map[string][]string
	// Edges returns the packages that a package depends on, without cycles.
	Edges func(*workspace.Package) []*workspace.Package
	// Script returns the name of the package's script for a target.
	Script func(pkg *workspace.Package, target string) (string, bool)
	// Packages are all packages of the workspace and its root, for "core#generate".
	Packages []*workspace.Package
}

// DefaultDependsOn returns a new map with the order that holds if nothing is
// configured.
func DefaultDependsOn() map[string][]string {
	return map[string][]string{
		"build":     {"^build"},
		"typecheck": {"^build"},
		"test":      {"^build"},
		"bundle":    {"^build"},
		"lint":      {},
		"clean":     {},
	}
}

// Build returns the graph of a request. Its errors are cycles and entries of
// DependsOn that name an unknown package, each a *problem.Error.
func Build(r Request) (*Graph, error) {
	b := builder{Request: r, nodes: map[string]*node{}}
	selected := map[string]bool{}
	for _, p := range r.Selected {
		selected[id(p, r.Target)] = true
	}
	for _, p := range r.Selected {
		if _, err := b.visit(p, r.Target, nil); err != nil {
			return nil, err
		}
	}
	g := &Graph{}
	for _, key := range slices.Sorted(maps.Keys(b.nodes)) {
		n := b.nodes[key]
		if r.NoDeps && !selected[key] {
			n.task = nil
		}
		if n.task != nil {
			g.Tasks = append(g.Tasks, n.task)
		}
	}
	for _, t := range g.Tasks {
		for below := range b.nodes[t.ID].below() {
			t.After = append(t.After, below)
		}
		slices.SortFunc(t.After, func(x, y *Task) int { return cmp.Compare(x.ID, y.ID) })
	}
	g.order()
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
		for _, a := range t.After {
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

// node is a target of a package.
type node struct {
	// task is nil if the package has no script for the target, or it is not to
	// run. The order then passes through the node.
	task  *Task
	after []*node
	state state
	// nearest is the result of below, nil until it is known.
	nearest map[*Task]bool
}

type state int

const (
	unvisited state = iota
	visiting
	visited
)

// below returns the nearest tasks that the node depends on.
func (n *node) below() map[*Task]bool {
	if n.nearest == nil {
		n.nearest = map[*Task]bool{}
		for _, a := range n.after {
			if a.task != nil {
				n.nearest[a.task] = true
				continue
			}
			maps.Copy(n.nearest, a.below())
		}
	}
	return n.nearest
}

type builder struct {
	Request
	nodes map[string]*node
}

func id(p *workspace.Package, target string) string { return p.Name + "#" + target }

// visit returns the node of a target with all below it. path leads to it, for
// the message about a cycle.
func (b *builder) visit(p *workspace.Package, target string, path []string) (*node, error) {
	key := id(p, target)
	path = append(path, key)
	n := b.nodes[key]
	if n == nil {
		n = &node{}
		b.nodes[key] = n
	}
	switch n.state {
	case unvisited:
		n.state = visiting
	case visited:
		return n, nil
	case visiting:
		return nil, &problem.Error{
			What: "tasks depend on each other: " + strings.Join(path[slices.Index(path, key):], " → "),
			Hint: "take one of them out of its dependsOn, in heapmage.yaml or turbo.json",
		}
	}
	script, has := b.Script(p, target)
	if has {
		n.task = &Task{ID: key, Package: p, Target: target, Script: script}
	}
	for _, entry := range b.dependsOn(p, target) {
		if !has && entry != "^"+target {
			continue // nothing runs here, so nothing has to precede it
		}
		next, err := b.resolve(p, key, entry)
		if err != nil {
			return nil, err
		}
		for _, s := range next {
			below, err := b.visit(s.pkg, s.target, path)
			if err != nil {
				return nil, err
			}
			n.after = append(n.after, below)
		}
	}
	n.state = visited
	return n, nil
}

// dependsOn are the entries for one task.
func (b *builder) dependsOn(p *workspace.Package, target string) []string {
	for _, key := range p.Keys() {
		if d, ok := b.DependsOn[key+"#"+target]; ok {
			return d
		}
	}
	return b.DependsOn[target]
}

type step struct {
	pkg    *workspace.Package
	target string
}

// resolve returns the targets that an entry means; key is the task that has it.
func (b *builder) resolve(p *workspace.Package, key, entry string) ([]step, error) {
	if target, ok := strings.CutPrefix(entry, "^"); ok {
		var steps []step
		for _, d := range b.Edges(p) {
			steps = append(steps, step{d, target})
		}
		return steps, nil
	}
	name, target, ok := cutLast(entry, "#")
	if !ok {
		return []step{{p, entry}}, nil
	}
	for _, q := range b.Packages {
		if slices.Contains(q.Keys(), name) {
			return []step{{q, target}}, nil
		}
	}
	return nil, &problem.Error{
		What: fmt.Sprintf("%s depends on %q, but no package is called %q", key, entry, name),
		Hint: "fix the dependsOn that names it, in heapmage.yaml or turbo.json",
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
