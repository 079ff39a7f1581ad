package selection

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
	"github.com/heapmage/heapmage/internal/workspace"
)

// rootName is the root, as Turborepo calls it.
const rootName = "//"

// called reports whether a package is called just so, by name or by folder.
func (s Space) called(name string) bool { return len(s.exact(name)) > 0 }

// exact are the packages that are called just so: one, or several if that is ambiguous. Of a
// whole name, a folder and a part of either the first that fits counts.
func (s Space) exact(name string) []*workspace.Package {
	root := s.Workspace.RootPackage
	if name == "" {
		return nil
	}
	if root != nil && (name == rootName || name == ".") {
		return []*workspace.Package{root}
	}
	if isLocation(name) {
		return nil // where the user is decides
	}
	all := s.Workspace.All()
	same := keep(all, func(p *workspace.Package) bool { return p.DeclaredName == name })
	if len(same) > 1 { // the root shares its name with members, and they are meant
		same = slices.DeleteFunc(same, func(p *workspace.Package) bool { return p == root })
	}
	folder := s.rel(name)
	return cmpOr(same,
		keep(all, func(p *workspace.Package) bool { return p.Name == name || p.Dir == folder }),
		keep(all, func(p *workspace.Package) bool { return p.Dir != "." && slices.Contains(shortNames(p), name) }))
}

// cmpOr is the first list that has an element.
func cmpOr(lists ...[]*workspace.Package) []*workspace.Package {
	for _, l := range lists {
		if len(l) > 0 {
			return l
		}
	}
	return nil
}

// named returns the packages that a filter names: one that is called just so, or those in a
// folder that is none, or those that a glob fits.
func (s Space) named(f filter) ([]*workspace.Package, error) {
	switch found := s.exact(f.name); len(found) {
	case 0:
	case 1:
		return found, nil
	default:
		return nil, ambiguous(f, found)
	}
	folder := s.rel(f.name)
	found := keep(s.members(), func(p *workspace.Package) bool {
		return strings.HasPrefix(p.Dir, folder+"/") || isGlob(f.name) && matches(p, f.name)
	})
	if len(found) == 0 && !(f.leavesOut && isGlob(f.name)) {
		return nil, s.unknown(f)
	}
	return found, nil
}

// within returns the packages in a filter's folder: the one that is there, or else those below,
// or those whose folders a glob fits.
func (s Space) within(f filter) ([]*workspace.Package, error) {
	folder := path.Join(s.home(), f.folder)
	if filepath.IsAbs(filepath.FromSlash(f.folder)) {
		folder = s.rel(f.folder)
	}
	if folder == ".." || strings.HasPrefix(folder, "../") {
		return nil, &problem.Error{Where: f.where, What: "the folder is outside of the workspace", Hint: "./ and {} are relative to the current folder"}
	}
	if p := s.Workspace.At(folder); p != nil {
		return []*workspace.Package{p}, nil
	}
	found := keep(s.members(), func(p *workspace.Package) bool {
		same, err := doublestar.Match(folder, p.Dir)
		return isGlob(folder) && same && err == nil || folder == "." || strings.HasPrefix(p.Dir, folder+"/")
	})
	if len(found) == 0 && !(f.leavesOut && isGlob(folder)) {
		e := &problem.Error{Where: f.where, What: "there is no package in " + folder, Hint: "list shows the packages with their folders"}
		var dirs []string
		for _, p := range s.members() {
			dirs = append(dirs, p.Dir, path.Dir(p.Dir))
		}
		slices.Sort(dirs)
		base, _ := doublestar.SplitPattern(folder)
		if near := nearest.Names(base, slices.Compact(dirs), 3); len(near) > 0 {
			e.Hint = "did you mean " + strings.Join(near, ", ") + "?"
		}
		return nil, e
	}
	return found, nil
}

func isGlob(text string) bool { return strings.ContainsAny(text, "*?[{") }

// rel turns a path into the form of Package.Dir. One that is not absolute is relative to the root.
func (s Space) rel(name string) string {
	if native := filepath.FromSlash(name); filepath.IsAbs(native) {
		if rel := s.Workspace.Rel(native); rel != "" {
			return rel
		}
	}
	return path.Clean(name)
}

// shortNames are the name without its scope and the folder's last name.
func shortNames(p *workspace.Package) []string {
	names := []string{path.Base(p.Dir)}
	if p.DeclaredName != "" {
		if short := path.Base(p.DeclaredName); short != names[0] {
			names = append(names, short)
		}
	}
	return names
}

// matches reports whether a glob fits a package's name, with or without its scope, or its
// folder. In a whole name, as in Turborepo and pnpm, * stands for slashes too.
func matches(p *workspace.Package, glob string) bool {
	flat := func(text string) string { return strings.ReplaceAll(text, "/", "\x00") }
	for _, name := range append(shortNames(p), p.Name, p.DeclaredName, p.Dir) {
		if ok, err := doublestar.Match(glob, name); ok && err == nil && name != "" {
			return true
		}
	}
	ok, err := doublestar.Match(flat(glob), flat(p.DeclaredName))
	return ok && err == nil && p.DeclaredName != ""
}

func ambiguous(f filter, found []*workspace.Package) error {
	var dirs []string
	for _, p := range found {
		dirs = append(dirs, p.Dir)
	}
	flag, _, _ := strings.Cut(f.where, "=")
	return &problem.Error{
		Where: f.where,
		What:  fmt.Sprintf("could mean %d packages: %s", len(found), problem.ShortList(dirs, 12)),
		Hint:  "name the folder, such as " + flag + "=" + dirs[0] + ", or several with commas",
	}
}

// unknown is the error for a name that no package has.
func (s Space) unknown(f filter) error {
	var names []string
	for _, p := range s.members() {
		names = append(names, p.Name, p.Dir)
		names = append(names, shortNames(p)...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	e := &problem.Error{Where: f.where, What: "no package has this name or folder"}
	if f.name != f.text {
		e.What = "no package has the name or folder " + f.name
	}
	if near := nearest.Names(f.name, names, 3); len(near) > 0 {
		e.Hint = "did you mean " + strings.Join(near, ", ") + "?"
		return e
	}
	names = names[:0]
	for _, p := range s.members() {
		names = append(names, cmp.Or(p.Name, p.Dir))
	}
	e.Hint = "packages: " + problem.ShortList(names, 12)
	return e
}
