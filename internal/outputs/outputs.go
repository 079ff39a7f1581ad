// Package outputs is the files that a task writes, by the patterns that were
// declared for it. It never touches a file outside the workspace, nor one outside the
// task's package: not through a link, not in another package below it, not what was
// installed, whatever the patterns are. Nor does it remove a file that was there before the task, or that is
// under version control: what is called an output may be a file that people write and
// tasks change.
package outputs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/heapmage/heapmage/internal/rundir"
)

// installed is the package manager's folder. A pattern reaches into it only if it
// names it.
const installed = "node_modules"

// never are folders that hold no outputs.
var never = []string{".git", rundir.Name}

// Set is the outputs of one task.
type Set struct {
	// Root is the path of the workspace, and Dir that of the package's folder. One that
	// is not inside of the workspace, or is reached through a link out of it, has no
	// outputs: nothing of it is listed or removed.
	Root, Dir string
	// Patterns are doublestar patterns relative to Dir, with slashes. A leading
	// "!" excludes, in any order. A malformed pattern matches nothing.
	Patterns []string
	// Member reports whether a path is the folder of a package. Those below Dir are left
	// out. Nil means that none is.
	Member func(path string) bool
}

func (s Set) isMember(path string) bool { return s.Member != nil && s.Member(path) }

// open opens the package's folder.
func (s Set) open() (*os.Root, error) {
	workspace, err := os.OpenRoot(s.Root)
	if err != nil {
		return nil, err
	}
	defer workspace.Close()
	dir, err := filepath.Rel(s.Root, s.Dir)
	if err != nil {
		return nil, err
	}
	return workspace.OpenRoot(dir)
}

// Files are the outputs that are there now, relative to Dir, with slashes. complete is false
// if some may be missing.
func (s Set) Files() (names []string, complete bool) {
	if len(s.Patterns) == 0 {
		return nil, true
	}
	root, err := s.open()
	if err != nil {
		return nil, false
	}
	defer root.Close()
	complete, err = s.walk(root, func(name string, _ fs.DirEntry) error {
		names = append(names, name)
		return nil
	})
	return names, complete && err == nil
}

// Match reports whether a file is an output if it is there. name is relative to Dir, with
// slashes.
func (s Set) Match(name string) bool {
	inside := slices.Contains(strings.Split(name, "/"), installed)
	matches := func(pattern string) bool {
		match, _ := doublestar.Match(path.Clean(pattern), name) // an error is a malformed pattern
		return match
	}
	found := false
	for _, pattern := range s.Patterns {
		if excluded, ok := strings.CutPrefix(pattern, "!"); ok {
			if matches(excluded) {
				return false
			}
		} else if !inside || strings.Contains(pattern, installed) {
			found = found || matches(pattern)
		}
	}
	return found
}
