package taskgraph

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/workspace"
)

// Ordering returns the packages whose dependencies can put one task of the
// request after another: those that lie on a path from one package with a task
// to a different one. Cycles among the other packages do not matter.
func (r Request) Ordering() []*workspace.Package {
	below, above := map[*workspace.Package][]*workspace.Package{}, map[*workspace.Package][]*workspace.Package{}
	for _, p := range r.Packages {
		for _, d := range p.Dependencies {
			below[p], above[d.To] = append(below[p], d.To), append(above[d.To], p)
		}
	}
	w := r.words()
	starts := r.Selected
	if w.named {
		starts = r.Packages // a task that is named by its package may be anywhere
	}
	reached := spread(starts, below)
	var first, later []*workspace.Package
	for _, p := range r.Packages {
		if reached[p] == nil || r.NoDeps && !slices.Contains(r.Selected, p) {
			continue
		}
		has := func(target string) bool { _, ok := r.Script(p, target); return ok }
		if slices.ContainsFunc(w.inherited, has) {
			first = append(first, p)
		}
		if slices.ContainsFunc(w.targets, has) {
			later = append(later, p)
		}
	}
	from, to := spread(later, below), spread(first, above)
	return slices.DeleteFunc(slices.Clone(r.Packages), func(p *workspace.Package) bool {
		f, t := from[p], to[p]
		return len(f) == 0 || len(t) == 0 || len(f) == 1 && slices.Equal(f, t)
	})
}

// words are what DependsOn says of the tasks that a request can have.
type words struct {
	targets   []string // all of their targets
	inherited []string // those written "^build"
	named     bool     // one is written "core#build"
}

func (r Request) words() (w words) {
	var visit func(target string)
	visit = func(target string) {
		if slices.Contains(w.targets, target) {
			return
		}
		w.targets = append(w.targets, target)
		for key, entries := range r.DependsOn {
			if _, of, _ := cutLast("#"+key, "#"); of != target {
				continue
			}
			for _, entry := range entries {
				name, inherits := strings.CutPrefix(entry, "^")
				if inherits {
					w.inherited = append(w.inherited, name)
				} else if _, of, ok := cutLast(name, "#"); ok {
					w.named, name = true, of
				}
				visit(name)
			}
		}
	}
	visit(r.Target)
	return w
}

// spread gives each package up to two of the starts from which it is reached; a
// start reaches itself. Two are enough to know one that is not a given package.
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
