package taskgraph

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/workspace"
)

// Ordering returns the packages whose dependencies can put one task of the request
// after another: those on a path from one package with a task to a different one.
// A cycle among other packages does not matter to the request.
func (r Request) Ordering() []*workspace.Package {
	below, above := map[*workspace.Package][]*workspace.Package{}, map[*workspace.Package][]*workspace.Package{}
	for _, p := range r.Packages {
		for _, d := range p.Dependencies {
			below[p], above[d.To] = append(below[p], d.To), append(above[d.To], p)
		}
	}
	can := r.reachable()
	selected := r.selected()
	starts := selected
	if can.named {
		starts = r.Packages // such a task may be anywhere
	}
	reached := spread(starts, below)
	var first, later []*workspace.Package
	for _, p := range r.Packages {
		if reached[p] == nil || r.NoDeps && !slices.Contains(selected, p) {
			continue
		}
		if slices.ContainsFunc(can.inherited, func(target string) bool { return r.ends(p, target) }) {
			first = append(first, p)
		}
		if slices.ContainsFunc(can.targets, func(target string) bool { return r.begins(p, target, can.named) }) {
			later = append(later, p)
		}
	}
	from, to := spread(later, below), spread(first, above)
	return slices.DeleteFunc(slices.Clone(r.Packages), func(p *workspace.Package) bool {
		f, t := from[p], to[p]
		return len(f) == 0 || len(t) == 0 || len(f) == 1 && slices.Equal(f, t)
	})
}

// ends reports whether an order can lead to a package's target: to its script, or to
// another package's task that has to come first.
func (r Request) ends(p *workspace.Package, target string) bool {
	_, has := r.Script(p, target)
	order := r.Order(p, target)
	return has || slices.ContainsFunc(slices.Concat(order.DependsOn, order.With), func(entry string) bool { return strings.Contains(entry, "#") })
}

// begins reports whether an order can begin at a package's target: at its script, or at
// what passes it on.
func (r Request) begins(p *workspace.Package, target string, named bool) bool {
	_, has := r.Script(p, target)
	order := r.Order(p, target)
	return has || (order.Passes || named) && len(order.DependsOn)+len(order.With) > 0
}

// reachable is what the declared order lets a request run.
type reachable struct {
	targets   []string // of all tasks that it can have
	inherited []string // those written "^build", and all that these depend on
	named     bool     // one is written "core#build"
}

func (r Request) reachable() (found reachable) {
	var visit func(target string, inherited bool)
	visit = func(target string, inherited bool) {
		to := &found.targets
		if inherited {
			to = &found.inherited
		}
		if slices.Contains(*to, target) {
			return
		}
		*to = append(*to, target)
		for _, p := range r.Packages {
			order := r.Order(p, target)
			for _, entry := range slices.Concat(order.DependsOn, order.With) {
				name, inherits := strings.CutPrefix(entry, "^")
				if _, of, ok := cutLast(name, "#"); ok && !inherits {
					found.named, name = true, of
				}
				if inherits {
					visit(name, true)
				}
				visit(name, inherited)
			}
		}
	}
	for _, w := range r.Wanted {
		visit(w.Target, false)
	}
	return found
}

// spread returns, for each package, up to two of the starts that reach it; a start
// reaches itself. With two, one of them is another than any given package.
func spread(starts []*workspace.Package, next map[*workspace.Package][]*workspace.Package) map[*workspace.Package][]*workspace.Package {
	reached := map[*workspace.Package][]*workspace.Package{}
	var visit func(p, start *workspace.Package)
	visit = func(p, start *workspace.Package) {
		if len(reached[p]) == 2 || slices.Contains(reached[p], start) {
			return
		}
		reached[p] = append(reached[p], start)
		for _, q := range next[p] {
			visit(q, start)
		}
	}
	for _, start := range starts {
		visit(start, start)
	}
	return reached
}
