package workspace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// resolver finds the member that an entry of package.json means, by the rules
// of the workspace's manager.
type resolver struct {
	manager
	root      *Package
	rootPath  string
	byName    map[string][]*Package
	byPath    map[string]*Package
	catalogs  map[string]map[string]string
	overrides map[string]string
	// plain tells whether a plain range such as "^1.0.0" may mean a member at all.
	plain  bool
	ranges *ranges
}

// resolveEdges fills in the Dependencies of every package, and of the root
// where it is no member.
func resolveEdges(w *Workspace, r *rootFolder, manifests map[*Package]*manifest) {
	own := manifests[w.RootPackage]
	s := &resolver{
		manager:   r.manager,
		root:      w.RootPackage,
		rootPath:  w.Root,
		byName:    map[string][]*Package{},
		byPath:    map[string]*Package{},
		catalogs:  catalogs(r, own),
		overrides: overrides(r, own),
		plain:     linksRanges(r.manager),
		ranges:    &ranges{},
	}
	for _, p := range w.Packages {
		if p.DeclaredName != "" {
			s.byName[p.DeclaredName] = append(s.byName[p.DeclaredName], p)
		}
		s.byPath[p.Path] = p
	}
	from := w.Packages
	if !slices.Contains(from, w.RootPackage) {
		from = append(slices.Clone(from), w.RootPackage)
	}
	for _, p := range from {
		w.Warnings = append(w.Warnings, s.edges(p, manifests[p])...)
	}
}

// edges sets the dependencies of one package. An entry that means the package
// itself orders nothing and is left out.
func (s *resolver) edges(p *Package, m *manifest) (warnings []string) {
	type edge struct {
		to   *Package
		kind Kind
	}
	seen := map[edge]bool{}
	for kind, entries := range m.deps {
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
		return cmp.Or(strings.Compare(a.To.Dir, b.To.Dir), cmp.Compare(a.Kind, b.Kind))
	})
	return warnings
}

// resolve returns the member that an entry means, nil where it means none.
func (s *resolver) resolve(from *Package, key, spec string, kind Kind) (to *Package, warning string) {
	base := from.Path
	if value, ok := s.overrides[key]; ok && kind != Peer {
		spec, base = value, s.rootPath
	}
	spec = strings.TrimSpace(spec)
	if name, ok := strings.CutPrefix(spec, "catalog:"); ok {
		value, ok := s.catalogs[cmp.Or(strings.TrimSpace(name), "default")][key]
		if !ok {
			if s.byName[key] == nil {
				return nil, "" // the manager's affair: no member is meant
			}
			return nil, "is in no catalog"
		}
		spec, base = strings.TrimSpace(value), s.rootPath
	}
	protocol, rest, has := strings.Cut(spec, ":")
	switch {
	case has && protocol == "workspace":
		return s.inWorkspace(base, key, rest)
	case has && (protocol == "file" || protocol == "link" || protocol == "portal"):
		return s.at(base, rest), ""
	case has && protocol == "npm":
		return s.alias(key, rest), ""
	case strings.HasPrefix(spec, "./"), strings.HasPrefix(spec, "../"), spec == ".", spec == "..":
		return s.at(base, spec), ""
	case strings.ContainsAny(spec, ":/"): // an address, a git host, a patch
		return nil, ""
	}
	return s.named(key, spec), ""
}

// inWorkspace resolves what stands after "workspace:": "*", "^", "~", a range,
// another package's name with one of those, or a folder.
func (s *resolver) inWorkspace(base, key, rest string) (*Package, string) {
	name, want := key, strings.TrimSpace(rest)
	if strings.HasPrefix(want, "./") || strings.HasPrefix(want, "../") || want == "." || want == ".." {
		if to := s.at(base, want); to != nil {
			return to, ""
		}
		return nil, "is no folder of a member"
	}
	if i := strings.LastIndexByte(want, '@'); i > 0 {
		name, want = want[:i], want[i+1:]
	}
	members := s.byName[name]
	if len(members) == 0 {
		if to := s.byPath[filepath.Join(s.rootPath, filepath.FromSlash(want))]; to != nil && want != "" {
			return to, "" // yarn Berry names the folder from the root
		}
		return nil, "names no member"
	}
	switch want {
	case "", "*", "^", "~":
		return s.newest(members), ""
	}
	if !s.ranges.valid(want) {
		if to := s.byPath[filepath.Join(s.rootPath, filepath.FromSlash(want))]; to != nil {
			return to, ""
		}
		return s.newest(members), ""
	}
	if to := s.newest(s.within(members, want)); to != nil {
		return to, ""
	}
	// The manager would refuse to install this. The author means the member
	// all the same, so the order follows it.
	return s.newest(members), fmt.Sprintf("asks for another version than %s has", s.newest(members).Dir)
}

// alias resolves what stands after "npm:": "name@range" or a plain range.
func (s *resolver) alias(key, rest string) *Package {
	name, want := rest, ""
	if i := strings.LastIndexByte(rest, '@'); i > 0 {
		name, want = rest[:i], rest[i+1:]
	} else if s.ranges.valid(rest) {
		name, want = key, rest
	}
	// npm, yarn 1 and bun put an alias under its key in node_modules, where no
	// member is: it comes from the registry.
	if name != key && !(s.name == PNPM || s.name == Yarn && s.berry) {
		return nil
	}
	return s.named(name, want)
}

// named resolves a plain range or tag.
func (s *resolver) named(name, want string) *Package {
	if !s.plain || s.byName[name] == nil {
		return nil
	}
	return s.newest(s.within(s.byName[name], want))
}

// within returns the members whose version a plain range takes. The managers
// differ in what "*", a tag and a missing version mean.
func (s *resolver) within(members []*Package, want string) []*Package {
	everything := want == "" || want == "*"
	return slices.DeleteFunc(slices.Clone(members), func(p *Package) bool {
		version := p.Version
		switch s.name {
		case PNPM:
			if version == "" {
				version = "0.0.0"
			}
			if everything || !s.ranges.valid(want) {
				return false
			}
		case NPM, Bun:
			if everything {
				return false
			}
		}
		return !s.ranges.satisfied(version, want)
	})
}

// newest returns the member with the highest version; of equal ones the first.
func (s *resolver) newest(members []*Package) *Package {
	var best *Package
	for _, p := range members {
		if best == nil || newer(p.Version, best.Version) {
			best = p
		}
	}
	return best
}

// at resolves a path to the member in that folder, or to the one whose folder
// it lies in: "file:../core/dist" needs what core builds.
func (s *resolver) at(base, path string) *Package {
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.HasPrefix(path, "~") {
		return nil
	}
	folder := filepath.FromSlash(path)
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(base, folder)
	}
	folder = filepath.Clean(folder)
	if to := s.byPath[folder]; to != nil {
		return to
	}
	for up := filepath.Dir(folder); up != s.rootPath && up != filepath.Dir(up); up = filepath.Dir(up) {
		if to := s.byPath[up]; to != nil {
			return to
		}
	}
	return nil
}

// linksRanges tells whether plain ranges mean members. pnpm 9 and newer, and
// yarn Berry where it is switched off, link only what says "workspace:".
func linksRanges(m manager) bool {
	switch {
	case m.name == PNPM:
		if m.pnpm != nil && m.pnpm.link != nil {
			return *m.pnpm.link
		}
		if said := truth(setting(m.npmrc, "link-workspace-packages")); said != nil {
			return *said
		}
		return m.version != "" && major(m.version) < 9
	case m.name == Yarn && m.berry:
		return m.yarn == nil || m.yarn.transparent == nil || *m.yarn.transparent
	}
	return true
}

// catalogs collects the catalogs of pnpm-workspace.yaml, .yarnrc.yml and, for
// bun, of package.json.
func catalogs(r *rootFolder, own *manifest) map[string]map[string]string {
	switch {
	case r.name == PNPM && r.pnpm != nil:
		return r.pnpm.catalogs
	case r.name == Yarn && r.yarn != nil:
		return r.yarn.catalogs
	case r.name != Bun:
		return nil
	}
	type lists struct {
		Catalog  map[string]string
		Catalogs map[string]map[string]string
	}
	var top, inner lists
	own.decode("catalog", &top.Catalog)
	own.decode("catalogs", &top.Catalogs)
	own.decode("workspaces", &inner)
	all := map[string]map[string]string{"default": top.Catalog}
	if inner.Catalog != nil {
		all["default"] = inner.Catalog
	}
	maps.Copy(all, top.Catalogs)
	maps.Copy(all, inner.Catalogs)
	return all
}

var plainName = regexp.MustCompile(`^(?:\*\*/)?((?:@[^/@>]+/)?[^/@>]+)$`)

// overrides collects what replaces an entry everywhere: pnpm's "overrides" and
// yarn's "resolutions", as far as they name a package and nothing narrower.
func overrides(r *rootFolder, own *manifest) map[string]string {
	var texts map[string]string
	switch r.name {
	case PNPM:
		var section struct{ Overrides json.RawMessage }
		own.decode("pnpm", &section)
		texts = map[string]string{}
		_ = json.Unmarshal(section.Overrides, &texts) // of another type: none
		if r.pnpm != nil {
			maps.Copy(texts, r.pnpm.overrides)
		}
	case Yarn:
		texts = own.texts("resolutions")
	}
	plain := map[string]string{}
	for key, value := range texts {
		if found := plainName.FindStringSubmatch(key); found != nil {
			plain[found[1]] = value
		}
	}
	return plain
}
