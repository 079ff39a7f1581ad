// Package outputs is the files that a task writes, by the patterns that were
// declared for it. It never touches a file outside the task's package: not through
// a link, not in another package below it, not what was installed, whatever the
// patterns are.
package outputs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	// Dir is the path of the package's folder.
	Dir string
	// Patterns are doublestar patterns relative to Dir, with slashes. A leading
	// "!" excludes, in any order. A malformed pattern matches nothing.
	Patterns []string
	// Members are the paths of all packages' folders. Those below Dir are left
	// out.
	Members []string
}

// match reports whether a file is an output. name is relative to Dir, with
// slashes.
func (s Set) match(name string) bool {
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

// RemoveSince removes the outputs that were written at or after t, so that the
// next attempt at the task does not find half a file. It leaves folders and links.
// It tries every file, and the error names each that remains.
func (s Set) RemoveSince(t time.Time) error {
	if len(s.Patterns) == 0 {
		return nil
	}
	intoInstalled := slices.ContainsFunc(s.Patterns, func(pattern string) bool { return strings.Contains(pattern, installed) })
	foreign := map[string]bool{}
	for _, dir := range s.Members {
		foreign[dir] = true
	}
	var errs []error
	err := fs.WalkDir(os.DirFS(s.Dir), ".", func(name string, d fs.DirEntry, err error) error {
		file := filepath.Join(s.Dir, filepath.FromSlash(name))
		switch {
		case err != nil:
			return nil //nolint:nilerr // it is gone, or the task could not write it either
		case d.IsDir() && name != "." && (foreign[file] || slices.Contains(never, d.Name()) || d.Name() == installed && !intoInstalled):
			return fs.SkipDir
		case !d.Type().IsRegular() || !s.match(name):
			return nil
		}
		if info, err := d.Info(); err == nil && !info.ModTime().Before(t) {
			if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}
