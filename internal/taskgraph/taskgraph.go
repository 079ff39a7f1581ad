// Package taskgraph turns a target and a selection of packages into tasks and
// the order that holds between them. It is pure: it reads no file and starts
// nothing.
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
	// Package and Script say what runs; Target is the name that was asked for,
	// which differs from Script where a synonym stands in for it.
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
	// Tasks stand in an order in which each comes after what it depends on; equal
	// ones by depth, then by folder.
	Tasks []*Task
}

// Packages returns the packages that have a task, each once, in the order of Tasks.
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

// Request says which tasks a graph is for.
type Request struct {
	Target   string
	Selected []*workspace.Package
	// NoDeps leaves out the tasks that the selected ones depend on.
	NoDeps bool
	// DependsOn gives the tasks that must precede a target, by target or by
	// "package#target", which goes first. An entry is "^build" (that target of
	// each package depended on), "generate" (that target of the same package)
	// or "core#generate" (that one task). A package is called by one of its Keys.
	DependsOn map[string][]string
	// Edges are the packages that a package depends on, without cycles.
	Edges func(*workspace.Package) []*workspace.Package
	// Script finds the package's script for a target.
	Script func(pkg *workspace.Package, target string) (string, bool)
	// Packages are all packages of the workspace and its root, for "core#generate".
	Packages []*workspace.Package
}

// DefaultDependsOn is the order that holds where nothing is configured.
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

// Build returns the graph of the request. Its errors are cycles and entries of
// DependsOn that name no package.
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

// node is a target of a package; task is nil where the package has no script
// for it, or it is not to run, and the order then passes through it.
type node struct {
	task  *Task
	after []*node
	state int // 0 new, 1 being visited, 2 done
	// tasks are the nearest tasks at or below this node, once asked for.
	tasks map[*Task]bool
}

// below returns the nearest tasks that the node depends on.
func (n *node) below() map[*Task]bool {
	if n.tasks == nil {
		n.tasks = map[*Task]bool{}
		for _, a := range n.after {
			if a.task != nil {
				n.tasks[a.task] = true
				continue
			}
			maps.Copy(n.tasks, a.below())
		}
	}
	return n.tasks
}

type builder struct {
	Request
	nodes map[string]*node
}

func id(p *workspace.Package, target string) string { return p.Name + "#" + target }

func (b *builder) visit(p *workspace.Package, target string, path []string) (*node, error) {
	key := id(p, target)
	path = append(path, key)
	n := b.nodes[key]
	if n == nil {
		n = &node{}
		b.nodes[key] = n
	}
	switch n.state {
	case 2:
		return n, nil
	case 1:
		return nil, &problem.Error{
			What: "tasks depend on each other: " + strings.Join(path[slices.Index(path, key):], " → "),
			Hint: "take one of them out of its dependsOn, in heapmage.yaml or turbo.json",
		}
	}
	n.state = 1
	script, has := b.Script(p, target)
	if has {
		n.task = &Task{ID: key, Package: p, Target: target, Script: script}
	}
	for _, entry := range b.dependsOn(p, target) {
		if !has && entry != "^"+target {
			continue // nothing runs here that the entry could precede
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
	n.state = 2
	return n, nil
}

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
		Hint: "mend the dependsOn that names it, in heapmage.yaml or turbo.json",
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
