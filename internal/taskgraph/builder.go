package taskgraph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// node is a target of a package.
type node struct {
	key string
	// task is nil if the package has no script for the target, or it is not to
	// run. The order then passes through the node.
	task  *Task
	order Order
	// whole is true if all of its order was followed.
	whole bool
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
	nodes   map[string]*node // by key
	found   map[step]*node   // by what led to them: a script may have several names
	targets []string         // that tasks may be called by
	// beside are tasks that others have run with them, still to be visited.
	beside []sibling
}

// sibling is a task that Order.With of another names.
type sibling struct {
	step
	of *node
}

type step struct {
	pkg    *workspace.Package
	target string
}

func id(p *workspace.Package, target string) string { return p.Name + "#" + target }

// visitAll visits what was asked for with all below it, then what runs beside that.
func (b *builder) visitAll() error {
	for _, w := range b.Wanted {
		for _, p := range w.Packages {
			s := step{p, w.Target}
			if _, err := b.visit(s, b.Order(p, b.name(s)).Passes, nil); err != nil {
				return err
			}
		}
	}
	for i := 0; i < len(b.beside); i++ { // a sibling may have more of them
		if b.endless(b.beside[i]) {
			continue
		}
		if _, err := b.visit(b.beside[i].step, true, nil); err != nil {
			return err
		}
	}
	return nil
}

// endless reports whether a sibling would keep a run from ending that ends without it.
func (b *builder) endless(s sibling) bool {
	_, has := b.Script(s.pkg, s.target)
	return has && !s.of.order.Persistent && b.Order(s.pkg, s.target).Persistent
}

// leftOut are the tasks that endless leaves out and nothing else runs.
func (b *builder) leftOut() (ids []string) {
	for _, s := range b.beside {
		key := id(s.pkg, b.name(s.step))
		if n := b.nodes[key]; b.endless(s) && (n == nil || n.task == nil) && !slices.Contains(ids, key) {
			ids = append(ids, key)
		}
	}
	slices.Sort(ids)
	return ids
}

// visit returns the node of a target with all below it. passes is true if its order
// holds even without a script. path leads to it, for the message about a cycle.
func (b *builder) visit(s step, passes bool, path []string) (*node, error) {
	n := b.node(s)
	path = append(path, n.key)
	passes = passes || n.task != nil
	switch {
	case n.state == visiting:
		return nil, &problem.Error{
			What: "tasks depend on each other: " + strings.Join(path[slices.Index(path, n.key):], " → "),
			Hint: "take one of them out of dependsOn in " + b.files(path[slices.Index(path, n.key):]),
		}
	case n.state == visited && (n.whole || !passes):
		return n, nil
	}
	n.state, n.whole, n.after = visiting, passes, nil
	for _, entry := range n.order.DependsOn {
		if !passes && entry != "^"+s.target {
			continue // nothing runs here, so nothing has to precede it
		}
		if err := b.follow(s, n, entry, path); err != nil {
			return nil, err
		}
	}
	n.state = visited
	if !passes {
		return n, nil
	}
	for _, entry := range n.order.With {
		next, err := b.resolve(s.pkg, n, entry)
		if err != nil {
			return nil, err
		}
		for _, s := range next {
			b.beside = append(b.beside, sibling{s, n})
		}
	}
	return n, nil
}

// follow visits what an entry of a node's order means.
func (b *builder) follow(s step, n *node, entry string, path []string) error {
	next, err := b.resolve(s.pkg, n, entry)
	if err != nil {
		return err
	}
	for _, s := range next {
		below, err := b.visit(s, n.whole, path)
		if err != nil {
			return err
		}
		n.after = append(n.after, below)
	}
	return nil
}

// node returns the node of a target, which it makes if there is none.
func (b *builder) node(s step) *node {
	if n := b.found[s]; n != nil {
		return n
	}
	target := b.name(s)
	key := id(s.pkg, target)
	n := b.nodes[key]
	if n == nil {
		n = &node{key: key, order: b.Order(s.pkg, target)}
		if script, ok := b.Script(s.pkg, target); ok {
			n.task = &Task{ID: key, Package: s.pkg, Target: target, Script: script}
		}
		b.nodes[key] = n
	}
	b.found[s] = n
	return n
}

// name is what a target is called: the one that its script runs for.
func (b *builder) name(s step) string {
	script, ok := b.Script(s.pkg, s.target)
	if !ok {
		return s.target
	}
	for _, target := range b.targets {
		if other, ok := b.Script(s.pkg, target); ok && other == script {
			return target
		}
	}
	return s.target
}

// resolve returns the targets that an entry of a node's order means.
func (b *builder) resolve(p *workspace.Package, n *node, entry string) ([]step, error) {
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
		What: fmt.Sprintf("%s depends on %q, but no package is called %q", n.key, entry, name),
		Hint: "fix the dependsOn that names it, in " + b.files([]string{n.key}),
	}
}

// files are where the order of nodes is declared.
func (b *builder) files(keys []string) string {
	var files []string
	for _, key := range keys {
		if from := b.nodes[key].order.From; from != "" && !slices.Contains(files, from) {
			files = append(files, from)
		}
	}
	if len(files) == 0 {
		return "heapmage.yaml"
	}
	return strings.Join(files, " or ")
}

// markWanted marks the tasks that were asked for. With NoDeps it takes the others away.
func (b *builder) markWanted() {
	for _, w := range b.Wanted {
		for _, p := range w.Packages {
			if n := b.node(step{p, w.Target}); n.task != nil {
				n.task.Wanted = true
			}
		}
	}
	for _, n := range b.nodes {
		if b.NoDeps && n.task != nil && !n.task.Wanted {
			n.task = nil
		}
	}
}

// checkPersistent refuses what would wait for ever.
func (b *builder) checkPersistent() error {
	for _, key := range slices.Sorted(maps.Keys(b.nodes)) {
		n := b.nodes[key]
		for _, a := range n.after {
			if a.task == nil || !a.order.Persistent {
				continue
			}
			return &problem.Error{
				What: fmt.Sprintf("%s depends on %s, which is persistent: it never ends", n.key, a.key),
				Hint: fmt.Sprintf("take it out of dependsOn in %s, or set tasks: {%q: {dependsOn: […]}} in heapmage.yaml", b.files([]string{n.key}), n.key),
			}
		}
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
