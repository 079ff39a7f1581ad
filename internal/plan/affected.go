package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// affected is what the request wants, in the packages that have changed, or depend on one that
// has: by their package.json, or because a task of theirs comes after one of its tasks. It
// notes how many they are, and whether there are none.
func (p *Plan) affected(r taskgraph.Request) ([]taskgraph.Wanted, error) {
	c := p.Changed
	if c == nil {
		return r.Wanted, nil
	}
	r.NoDeps = false // it is asked what a package depends on, not what runs
	whole, err := taskgraph.Build(r)
	if err != nil {
		return nil, err
	}
	if c.All != "" && p.Reads != nil {
		if mayRead := p.Reads(whole); mayRead != nil {
			c.Narrow(mayRead)
		}
	}
	changed := func(pkg *workspace.Package) bool { return c.Packages[pkg] }
	reached := map[*workspace.Package]bool{}
	after := map[*taskgraph.Task]bool{}
	for _, t := range whole.Tasks { // each comes after its predecessors
		after[t] = changed(t.Package) || slices.ContainsFunc(t.Predecessors(), func(a *taskgraph.Task) bool { return after[a] })
		reached[t.Package] = reached[t.Package] || after[t]
	}
	var kept []taskgraph.Wanted
	all, due := map[*workspace.Package]bool{}, map[*workspace.Package]bool{} // that have a task
	for _, w := range r.Wanted {
		left := taskgraph.Wanted{Target: w.Target}
		has := func(pkg *workspace.Package) bool { return p.has(pkg, w.Target) }
		passes := !slices.ContainsFunc(w.Packages, has) // to the tasks that come first
		for _, pkg := range w.Packages {
			runs := reached[pkg] || changed(pkg) || slices.ContainsFunc(pkg.Below(), changed)
			if runs {
				left.Packages = append(left.Packages, pkg)
			}
			if passes || has(pkg) {
				all[pkg], due[pkg] = true, due[pkg] || runs
			}
		}
		kept = append(kept, left)
	}
	maps.DeleteFunc(due, func(_ *workspace.Package, runs bool) bool { return !runs })
	count, runs := len(due), len(all)
	switch {
	case count == 0:
		p.Unaffected = fmt.Sprintf("Nothing to %s: none of %s has changed%s, or depends on one that has", p.Target, packages(runs), c.Since)
		return nil, nil
	case c.All != "":
		p.notice(event.Selected, fmt.Sprintf("No package is left out: %s changed%s, and may affect all of them", c.All, c.Since))
	case p.Again == nil:
		p.notice(event.Selected, fmt.Sprintf("%d of %s changed%s, or depend on others that did", count, packages(runs), c.Since))
	}
	return kept, nil
}

// keepAffected leaves out the tasks for which nothing has changed: they have run before. gone
// are tasks that others run.
func (p *Plan) keepAffected(gone map[*taskgraph.Task]*taskgraph.Task) {
	changed := func(pkg *workspace.Package) bool { return p.Changed.Packages[pkg] }
	due := map[*taskgraph.Task]bool{}
	for inner, outer := range gone {
		due[outer] = due[outer] || changed(inner.Package)
	}
	p.Graph.Keep(func(t *taskgraph.Task) bool { // each is asked for after its predecessors
		due[t] = due[t] || changed(t.Package) || slices.ContainsFunc(t.Package.Below(), changed) ||
			slices.ContainsFunc(t.Predecessors(), func(a *taskgraph.Task) bool { return due[a] })
		return due[t]
	})
	if len(p.Graph.Tasks) == 0 {
		p.Unaffected = fmt.Sprintf("Nothing to %s", p.Target)
	}
}

func packages(n int) string {
	if n == 1 {
		return "1 package"
	}
	return fmt.Sprintf("%d packages", n)
}
