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
	starts := r.Selected
	if can.named {
		starts = r.Packages // such a task may be anywhere
	}
	reached := spread(starts, below)
	var first, later []*workspace.Package
	for _, p := range r.Packages {
		if reached[p] == nil || r.NoDeps && !slices.Contains(r.Selected, p) {
			continue
		}
		has := func(target string) bool { _, ok := r.Script(p, target); return ok }
		if slices.ContainsFunc(can.inherited, has) {
			first = append(first, p)
		}
		if slices.ContainsFunc(can.targets, has) {
			later = append(later, p)
		}
	}
	from, to := spread(later, below), spread(first, above)
	return slices.DeleteFunc(slices.Clone(r.Packages), func(p *workspace.Package) bool {
		f, t := from[p], to[p]
		return len(f) == 0 || len(t) == 0 || len(f) == 1 && slices.Equal(f, t)
	})
}

// reachable is what DependsOn lets a request run.
type reachable struct {
	targets   []string // of all tasks that it can have
	inherited []string // those written "^build"
	named     bool     // one is written "core#build"
}

func (r Request) reachable() (found reachable) {
	var visit func(target string)
	visit = func(target string) {
		if slices.Contains(found.targets, target) {
			return
		}
		found.targets = append(found.targets, target)
		for key, entries := range r.DependsOn {
			if _, of, _ := cutLast("#"+key, "#"); of != target {
				continue
			}
			for _, entry := range entries {
				name, inherits := strings.CutPrefix(entry, "^")
				if inherits {
					found.inherited = append(found.inherited, name)
				} else if _, of, ok := cutLast(name, "#"); ok {
					found.named, name = true, of
				}
				visit(name)
			}
		}
	}
	visit(r.Target)
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
