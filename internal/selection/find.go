package workspace

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
)

// Select returns the packages that the patterns name, ordered by Dir. A pattern
// is a package's name, its folder ("packages/core", "./packages/core" or
// absolute), the name without its scope, the folder's last name, a folder that
// holds several packages, or a glob over any of these. A package that is called just so
// goes before a glob. One string may hold several
// patterns, separated by commas. Without patterns every member is selected. A
// pattern that matches nothing, or a name that several packages share, is a
// *problem.Error that lists the candidates.
func (w *Workspace) Select(patterns ...string) ([]*Package, error) {
	if len(patterns) == 0 {
		return slices.Clone(w.Packages), nil
	}
	var chosen []*Package
	for _, list := range patterns {
		for _, pattern := range splitList(list) {
			found, err := w.find(strings.TrimSpace(pattern))
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, found...)
		}
	}
	slices.SortFunc(chosen, byDir)
	return slices.Compact(chosen), nil
}

// splitList splits at commas outside of braces.
func splitList(list string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range list {
		switch {
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, list[start:i])
			start = i + 1
		}
	}
	return append(parts, list[start:])
}

func (w *Workspace) find(pattern string) ([]*Package, error) {
	if pattern == "" {
		return nil, &problem.Error{Where: "-workspace=", What: "names no package", Hint: "write -workspace=NAME, or leave the flag out for all packages"}
	}
	all := w.All()
	folder := w.folder(pattern)
	same := keep(all, func(p *Package) bool { return p.DeclaredName == pattern && p.DeclaredName != "" })
	if len(same) > 1 { // the root shares its name with members, and they are meant
		same = slices.DeleteFunc(same, func(p *Package) bool { return p == w.RootPackage })
	}
	attempts := [][]*Package{
		same,
		keep(all, func(p *Package) bool { return p.Name == pattern || p.Dir == folder }),
		keep(all, func(p *Package) bool { return p.Dir != "." && slices.Contains(p.shortNames(), pattern) }),
	}
	for _, found := range attempts {
		switch len(found) {
		case 0:
		case 1:
			return found, nil
		default:
			return nil, ambiguous(pattern, found)
		}
	}
	within := func(p *Package) bool { return strings.HasPrefix(p.Dir, folder+"/") }
	if strings.ContainsAny(pattern, "*?[{") { // no package is called so
		within = func(p *Package) bool { return p.matches(pattern) || strings.HasPrefix(p.Dir, folder+"/") }
	}
	if found := keep(w.Packages, within); len(found) > 0 {
		return found, nil
	}
	return nil, w.unknown(pattern)
}

func keep(packages []*Package, wanted func(*Package) bool) []*Package {
	return slices.DeleteFunc(slices.Clone(packages), func(p *Package) bool { return !wanted(p) })
}

// folder turns a path into the form of Package.Dir.
func (w *Workspace) folder(pattern string) string {
	native := filepath.FromSlash(pattern)
	if filepath.IsAbs(native) {
		if resolved, err := filepath.EvalSymlinks(native); err == nil {
			native = resolved
		}
		if rel, err := filepath.Rel(w.Root, native); err == nil {
			native = rel
		}
	}
	return path.Clean(filepath.ToSlash(native))
}

// shortNames are the name without its scope and the folder's last name.
func (p *Package) shortNames() []string {
	names := []string{path.Base(p.Dir)}
	if p.DeclaredName != "" {
		if short := path.Base(p.DeclaredName); short != names[0] {
			names = append(names, short)
		}
	}
	return names
}

func (p *Package) matches(glob string) bool {
	glob = strings.TrimPrefix(glob, "./")
	for _, name := range append(p.shortNames(), p.Name, p.DeclaredName, p.Dir) {
		if ok, err := doublestar.Match(glob, name); ok && err == nil && name != "" {
			return true
		}
	}
	return false
}

func ambiguous(pattern string, found []*Package) error {
	var dirs []string
	for _, p := range found {
		dirs = append(dirs, p.Dir)
	}
	return &problem.Error{
		Where: "-workspace=" + pattern,
		What:  fmt.Sprintf("could mean %d packages: %s", len(found), problem.ShortList(dirs, 12)),
		Hint:  "name the folder, such as -workspace=" + dirs[0] + ", or several with commas",
	}
}

func (w *Workspace) unknown(pattern string) error {
	var names []string
	for _, p := range w.Packages {
		names = append(names, p.Name, p.Dir)
		names = append(names, p.shortNames()...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	e := &problem.Error{Where: "-workspace=" + pattern, What: "no package has this name or folder"}
	if near := nearest.Names(pattern, names, 3); len(near) > 0 {
		e.Hint = "did you mean " + strings.Join(near, ", ") + "?"
		return e
	}
	names = names[:0]
	for _, p := range w.Packages {
		names = append(names, cmp.Or(p.Name, p.Dir))
	}
	e.Hint = "packages: " + problem.ShortList(names, 12)
	return e
}
