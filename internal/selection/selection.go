// Package selection tells which packages of a workspace a text means: by names, folders and
// globs, and in the filter language of Turborepo and pnpm, with what depends on them, what
// they depend on, and what has changed. It reads nothing, and asks its caller what has changed.
// docs/selection.md describes the language.
package selection

import (
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Range is a part of a Git history.
type Range struct {
	// From is a commit or its branch. What has changed counts from where that of To left it.
	From string
	// To is a commit. Empty means the working tree.
	To string
}

// Space is where texts mean something.
type Space struct {
	Workspace *workspace.Workspace
	// Folder is the folder in which the user is, relative to the workspace, with slashes. What
	// begins with "./" or "../", or is in braces, is relative to it. Empty means the root.
	Folder string
	// Changed returns the packages that have changed in a range. where is the place in the
	// user's text, for its error.
	Changed func(where string, r Range) (map[*workspace.Package]bool, error)
}

// Selected are packages that a text means.
type Selected struct {
	// Packages are ordered by Dir, each once. There may be none.
	Packages []*workspace.Package
	// Varies is set if the text names a commit, so that none may have changed.
	Varies bool
	// Dot is set if the text means the root by ".".
	Dot bool
}

// Select returns the packages that the value of a flag means, such as "web...,!docs" of
// "-workspace": those of all filters together, or of no filter all members, without those of
// the filters that begin with "!". The root is one of them only if it is named. A text that cannot be understood, and a
// name that no package has, or several, is a *problem.Error.
func (s Space) Select(flag, text string) (Selected, error) {
	var in, out set = nil, set{}
	var all Selected
	for _, part := range split(filepath.ToSlash(text)) {
		f, mistake := parse(part, s.called)
		f.where = flag + "=" + part
		if mistake != nil {
			mistake.Where = f.where
			return Selected{}, mistake
		}
		found, err := s.chosen(f)
		if err != nil {
			return Selected{}, err
		}
		all.Varies = all.Varies || f.span != Range{}
		all.Dot = all.Dot || f.name == "."
		if f.leavesOut {
			maps.Copy(out, found)
			continue
		}
		if in == nil {
			in = set{}
		}
		maps.Copy(in, found)
	}
	if in == nil {
		in = setOf(s.members())
	}
	maps.DeleteFunc(in, func(p *workspace.Package, _ bool) bool { return out[p] })
	all.Packages = slices.SortedFunc(maps.Keys(in), func(a, b *workspace.Package) int { return cmp.Compare(a.Dir, b.Dir) })
	return all, nil
}

// Here returns the packages that a user means who names none: the package in whose folder he
// is, or those below that folder. Nil means that no folder tells, so that all are meant.
func (s Space) Here() []*workspace.Package {
	if s.Folder == "" || s.Folder == "." {
		return nil
	}
	if p := s.Workspace.Owner(s.Folder); p != nil {
		return []*workspace.Package{p}
	}
	return keep(s.members(), func(p *workspace.Package) bool { return strings.HasPrefix(p.Dir, s.Folder+"/") })
}

// members are the packages that can be meant without being named: all but the root, which is
// one only if it is alone.
func (s Space) members() []*workspace.Package {
	if all := s.Workspace.Packages; len(all) == 1 {
		return all
	}
	return keep(s.Workspace.Packages, func(p *workspace.Package) bool { return p != s.Workspace.RootPackage })
}

// set is a set of packages.
type set map[*workspace.Package]bool

func setOf(packages []*workspace.Package) set {
	all := set{}
	for _, p := range packages {
		all[p] = true
	}
	return all
}

func keep(packages []*workspace.Package, wanted func(*workspace.Package) bool) []*workspace.Package {
	return slices.DeleteFunc(slices.Clone(packages), func(p *workspace.Package) bool { return !wanted(p) })
}

// chosen returns what a filter means, as if it did not begin with "!".
func (s Space) chosen(f filter) (set, error) {
	entries, err := s.entries(f)
	if err != nil {
		return nil, err
	}
	if f.span != (Range{}) {
		changed, err := s.changed(f)
		if err != nil {
			return nil, err
		}
		entries = keep(entries, func(p *workspace.Package) bool {
			return changed[p] && !(f.orBelow && f.others) || f.orBelow && slices.ContainsFunc(p.Below(), func(b *workspace.Package) bool { return changed[b] })
		})
	}
	if !f.dependencies && !f.dependents {
		return setOf(entries), nil
	}
	all := set{}
	if !f.others {
		all = setOf(entries)
	}
	if f.dependencies {
		s.addBelow(all, entries)
	}
	if f.dependents {
		above := s.above(entries)
		maps.Copy(all, setOf(above))
		if f.dependencies {
			s.addBelow(all, above)
		}
	}
	return all, nil
}

// entries are the packages from which a filter starts, whether they have changed or not.
func (s Space) entries(f filter) (found []*workspace.Package, err error) {
	found = s.members()
	if f.name != "" {
		if found, err = s.named(f); err != nil {
			return nil, err
		}
	}
	if f.folder != "" {
		within, err := s.within(f)
		if err != nil {
			return nil, err
		}
		if f.name == "" {
			found = within
		}
		found = keep(found, func(p *workspace.Package) bool { return slices.Contains(within, p) })
	}
	if len(found) == 0 && !f.leavesOut {
		return nil, &problem.Error{Where: f.where, What: "no package fits both the name and the folder", Hint: "a comma between the two means either"}
	}
	return found, nil
}

func (s Space) changed(f filter) (set, error) {
	if s.Changed == nil {
		return nil, &problem.Error{Where: f.where, What: "commits cannot be used here", Hint: "name packages"}
	}
	return s.Changed(f.where, f.span)
}

// addBelow adds what packages depend on, directly or not. The root is not meant by that.
func (s Space) addBelow(all set, packages []*workspace.Package) {
	for _, p := range packages {
		for _, b := range p.Below() {
			if b != s.Workspace.RootPackage {
				all[b] = true
			}
		}
	}
}

// above are the packages that depend on one of some, directly or not. The root is not meant by
// that.
func (s Space) above(packages []*workspace.Package) []*workspace.Package {
	dependents := map[*workspace.Package][]*workspace.Package{}
	for _, p := range s.Workspace.All() {
		for _, d := range p.Dependencies {
			dependents[d.To] = append(dependents[d.To], p)
		}
	}
	reached := set{}
	for _, p := range packages {
		seen := set{p: true} // it does not depend on itself, not in a circle either
		for next := []*workspace.Package{p}; len(next) > 0; next = next[1:] {
			for _, d := range dependents[next[0]] {
				if !seen[d] {
					seen[d], reached[d] = true, true
					next = append(next, d)
				}
			}
		}
	}
	return keep(s.members(), func(p *workspace.Package) bool { return reached[p] })
}

// home is the folder to which others are relative: that of the package in which the user is, or
// else the user's.
func (s Space) home() string {
	if p := s.Workspace.Owner(cmp.Or(s.Folder, ".")); p != nil {
		return p.Dir
	}
	return path.Clean(s.Folder)
}
