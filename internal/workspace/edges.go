package workspace

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/heapmage/heapmage/internal/npmrange"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/pkgmanager"
)

// resolver finds the member that an entry of package.json means, by the rules
// of the workspace's manager.
type resolver struct {
	pkgmanager.Manager
	root      *Package
	rootPath  string
	byName    map[string][]*Package
	byPath    map[string]*Package
	catalogs  map[string]map[string]string
	overrides map[string]string
	// plain tells whether a plain range such as "^1.0.0" may mean a member at all.
	plain  bool
	ranges *npmrange.Cache
}

// resolveEdges fills in the Dependencies of every package, and of the root if it
// is not a member.
func resolveEdges(w *Workspace, r *root, manifests map[*Package]*packagejson.Manifest) {
	own := manifests[w.RootPackage]
	s := &resolver{
		Manager:   r.Manager,
		root:      w.RootPackage,
		rootPath:  w.Root,
		byName:    map[string][]*Package{},
		byPath:    map[string]*Package{},
		catalogs:  catalogs(r, own),
		overrides: overrides(r, own),
		plain:     r.LinksRanges(),
		ranges:    &npmrange.Cache{},
	}
	for _, p := range w.Packages {
		if p.DeclaredName != "" {
			s.byName[p.DeclaredName] = append(s.byName[p.DeclaredName], p)
		}
		s.byPath[p.Path] = p
	}
	for _, p := range w.All() {
		w.Warnings = append(w.Warnings, s.edges(p, manifests[p])...)
	}
}

// edges sets the dependencies of one package. An entry that means the package
// itself is left out.
func (s *resolver) edges(p *Package, m *packagejson.Manifest) (warnings []string) {
	type edge struct {
		to   *Package
		kind Kind
	}
	seen := map[edge]bool{}
	for kind, entries := range m.Dependencies {
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			to, warning := s.resolve(p, key, entries[key], Kind(kind))
			if warning != "" {
				warnings = append(warnings, fmt.Sprintf("%s: %q: %q %s", filepath.ToSlash(filepath.Join(p.Dir, "package.json")), key, entries[key], warning))
			}
			e := edge{to, Kind(kind)}
			if to == nil || to == p || seen[e] {
				continue
			}
			seen[e] = true
			p.Dependencies = append(p.Dependencies, Dependency{To: to, Kind: Kind(kind), Spec: entries[key]})
		}
	}
	slices.SortFunc(p.Dependencies, func(a, b Dependency) int {
		return cmp.Or(byDir(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
	})
	return warnings
}
