// Package affected tells which packages of a workspace have changed since a commit, with the
// working tree as it is. What a change of a file means where that is not known, it takes to
// mean everything: it never leaves out a package that has changed.
package affected

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/installed"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Changes are the packages of a workspace that have changed.
type Changes struct {
	// Since tells what was compared, for messages: " since origin/main (1a2b3c4)". It is empty
	// for changes since an earlier run.
	Since string
	// Packages are those with a changed file, or for which something else would be installed.
	// The root is one of them if anything has changed at all.
	Packages map[*workspace.Package]bool
	// All is a file that may concern every package, so that all have changed. Empty means
	// that there is none.
	All string

	loose []string                    // all such files
	above bool                        // one of them is above the workspace
	own   map[*workspace.Package]bool // the packages that have changed beside that
}

// Since returns what has changed since the branch of a ref and that of HEAD parted. Every
// error is a *problem.Error.
func Since(ctx context.Context, ws *workspace.Workspace, ref string) (*Changes, error) {
	where := "-since=" + ref
	if ref == "" {
		return nil, &problem.Error{Where: where, What: "names no commit", Hint: "write -since=origin/main, or leave the flag out for all packages"}
	}
	return since(ctx, ws, where, ref)
}

// Between returns a function that tells what differs between two commits: in to, from the one
// at which its branch and that of from parted. If to is empty, it is as Since. where is the
// place in the user's text. Every error of it is a *problem.Error.
func Between(ctx context.Context, ws *workspace.Workspace) func(where, from, to string) (*Changes, error) {
	return func(where, from, to string) (*Changes, error) {
		if to == "" {
			return since(ctx, ws, where, from)
		}
		found, err := git.Between(ctx, ws.Root, from, to)
		if err != nil {
			return nil, explained(ctx, ws.Root, where, from, to, err)
		}
		return sorted(ctx, ws, where, fmt.Sprintf(" between %s and %s (%.7s…%.7s)", from, to, found.Base, found.Head), found)
	}
}

func since(ctx context.Context, ws *workspace.Workspace, where, ref string) (*Changes, error) {
	found, err := git.Since(ctx, ws.Root, ref)
	if err != nil {
		return nil, explained(ctx, ws.Root, where, ref, "HEAD", err)
	}
	return sorted(ctx, ws, where, fmt.Sprintf(" since %s (%.7s)", ref, found.Base), found)
}

// sorted sorts what Git found. since is what to call it.
func sorted(ctx context.Context, ws *workspace.Workspace, where, since string, found *git.Changes) (*Changes, error) {
	top, err := filepath.Rel(found.Root, ws.Root)
	if err != nil || !filepath.IsLocal(top) {
		return nil, &problem.Error{Where: where, What: "the workspace is not in the repository that Git finds, " + found.Root,
			Hint: "unset GIT_DIR and GIT_WORK_TREE, or leave the flag out"}
	}
	s := newSorter(ws, filepath.ToSlash(top))
	s.Since = since
	for _, name := range found.Paths {
		if found.Head != "" {
			s.after = func() []byte { return git.Show(ctx, found.Root, found.Head, name) }
		}
		s.add(name, func() []byte { return git.Show(ctx, found.Root, found.Base, name) })
	}
	return s.Changes, nil
}

// Run is what has happened since an earlier run.
type Run struct {
	// Paths are files that have changed, relative to the workspace, with slashes.
	Paths []string
	// Failed are the folders of packages whose tasks did not succeed then. They count as
	// changed.
	Failed []string
	// LockFile is what the lock file held then.
	LockFile []byte
}

// After returns what has changed since an earlier run.
func After(ws *workspace.Workspace, then Run) *Changes {
	s := newSorter(ws, ".")
	for _, name := range then.Paths {
		s.add(name, func() []byte { return then.LockFile })
	}
	for _, dir := range then.Failed {
		if pkg := ws.At(dir); pkg != nil {
			s.Packages[pkg] = true
		}
	}
	return s.Changes
}

// explained is the error that tells the user what to do.
func explained(ctx context.Context, dir, where, from, to string, err error) error {
	p := &problem.Error{Where: where, What: "cannot tell what has changed", Cause: err}
	unknown, none := errors.AsType[*git.NoCommitError](err)
	switch shallow := git.Shallow(ctx, dir); {
	case errors.Is(err, git.ErrNoGit):
		p.Hint = "install Git, or leave the flag out"
	case errors.Is(err, git.ErrNoRepository):
		p.What, p.Cause = fmt.Sprintf("%s is not in a Git repository", dir), nil
		p.Hint = "leave the flag out; a container needs the .git folder too"
	case none && shallow:
		p.What, p.Cause = fmt.Sprintf("Git knows no commit %q, and this clone does not have all of the history", unknown.Ref), nil
		p.Hint = fetchHint
	case none:
		p.What, p.Cause = fmt.Sprintf("Git knows no commit %q", unknown.Ref), nil
		p.Hint = "git branch --all lists the branches; git fetch origin gets those of the server"
	case errors.Is(err, git.ErrNoMergeBase) && shallow:
		p.What, p.Cause = fmt.Sprintf("this clone does not have the commit from which %s and %s parted", from, to), nil
		p.Hint = fetchHint
	case errors.Is(err, git.ErrNoMergeBase):
		p.What, p.Cause = fmt.Sprintf("%s and %s have no commit in common", from, to), nil
		p.Hint = "name a branch of the same history"
	}
	return p
}

const fetchHint = "git fetch --unshallow gets it; in GitHub Actions, set fetch-depth: 0 for actions/checkout"

// sorter sorts changed files by the packages that they concern.
type sorter struct {
	*Changes
	ws  *workspace.Workspace
	top string // the workspace in the repository
	// after returns the lock file as it is.
	after func() []byte
}

func newSorter(ws *workspace.Workspace, top string) *sorter {
	return &sorter{Changes: &Changes{Packages: map[*workspace.Package]bool{}, own: map[*workspace.Package]bool{}}, ws: ws, top: top,
		after: func() []byte { return folder.Read(ws.Root, ws.LockFile) }}
}

// add adds a changed file of the repository. before returns what it was.
func (s *sorter) add(name string, before func() []byte) {
	rel, inside := s.rel(name)
	if rel == config.PlanFile { // runners get it beside what is checked out
		return
	}
	if !inside {
		// Tools look for configuration in the folders around the workspace.
		if dir := path.Dir(name); dir == "." || s.top == dir || strings.HasPrefix(s.top, dir+"/") {
			s.all(name)
			s.above = true
		}
		return
	}
	if s.ws.RootPackage != nil {
		s.mark(s.ws.RootPackage)
	}
	owned := false
	if pkg := s.ws.Owner(rel); pkg != nil {
		s.mark(pkg)
		owned = true
	}
	for _, pkg := range s.ws.Packages { // a repository in this one, which holds packages
		if rel == "." || strings.HasPrefix(pkg.Dir, rel+"/") {
			s.mark(pkg)
			owned = true
		}
	}
	switch {
	case owned:
	case rel == s.ws.LockFile && s.lock(before()):
	default:
		s.all(rel)
	}
}

// rel is a file of the repository as one of the workspace.
func (s *sorter) rel(name string) (rel string, inside bool) {
	if s.top == "." {
		return name, true
	}
	if name == s.top || strings.HasPrefix(s.top, name+"/") {
		return ".", true // a repository that the workspace is in
	}
	return strings.CutPrefix(name, s.top+"/")
}

// mark notes that a package has changed.
func (s *sorter) mark(pkg *workspace.Package) { s.Packages[pkg], s.own[pkg] = true, true }

// all notes that every package has changed.
func (s *sorter) all(because string) {
	if s.All == "" {
		s.All = because
	}
	s.loose = append(s.loose, because)
	for _, pkg := range s.ws.All() {
		s.Packages[pkg] = true
	}
}

// lock adds the packages for which another lock file has something else installed. It
// returns false if that cannot be told.
func (s *sorter) lock(before []byte) bool {
	then, now := installed.Locked(s.ws, before), installed.Locked(s.ws, s.after())
	if then == nil || now == nil {
		return false
	}
	for _, pkg := range s.ws.All() {
		if then[pkg.Dir] != now[pkg.Dir] {
			s.mark(pkg)
		}
	}
	return true
}
