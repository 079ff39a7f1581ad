package workspace

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/npmrange"
)

// resolve returns the member that an entry means, nil if it means none.
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
				return nil, "" // no member is meant: the manager will say so
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

// inWorkspace resolves what follows "workspace:": "*", "^", "~", a range,
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
	if !s.ranges.Valid(want) {
		if to := s.byPath[filepath.Join(s.rootPath, filepath.FromSlash(want))]; to != nil {
			return to, ""
		}
		return s.newest(members), ""
	}
	if to := s.newest(s.within(members, want)); to != nil {
		return to, ""
	}
	// The manager would refuse to install this. The author still means the
	// member, so the order follows it.
	return s.newest(members), fmt.Sprintf("asks for another version than %s has", s.newest(members).Dir)
}

// alias resolves what follows "npm:": "name@range" or a plain range.
func (s *resolver) alias(key, rest string) *Package {
	name, want := rest, ""
	if i := strings.LastIndexByte(rest, '@'); i > 0 {
		name, want = rest[:i], rest[i+1:]
	} else if s.ranges.Valid(rest) {
		name, want = key, rest
	}
	if name != key && !s.LinksAliases() {
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

// within returns the members whose version is in a plain range. The managers
// differ in what "*", a tag and a missing version mean.
func (s *resolver) within(members []*Package, want string) []*Package {
	everything := want == "" || want == "*"
	return slices.DeleteFunc(slices.Clone(members), func(p *Package) bool {
		version := p.Version
		switch s.Name {
		case PNPM:
			if version == "" {
				version = "0.0.0"
			}
			if everything || !s.ranges.Valid(want) {
				return false
			}
		case NPM, Bun:
			if everything {
				return false
			}
		case Yarn: // always a range: a tag and a missing version match nothing
		}
		return !s.ranges.Satisfied(version, want)
	})
}

// newest returns the member with the highest version, of equal ones the first;
// nil if there is none.
func (s *resolver) newest(members []*Package) *Package {
	var best *Package
	for _, p := range members {
		if best == nil || npmrange.Newer(p.Version, best.Version) {
			best = p
		}
	}
	return best
}

// at resolves a path to the member in that folder or around it:
// "file:../core/dist" needs what core builds.
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
