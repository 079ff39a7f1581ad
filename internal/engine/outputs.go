package engine

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

	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// installed is a folder that belongs to the package manager: a pattern is about
// what is in it only where it says so by name.
const installed = "node_modules"

// removeHalfWritten removes what a task wrote since it started, among the
// outputs that are known of it, so that its next attempt does not find half of
// a file. Files from before it are left, and so is all that is not the package's
// own, whatever the patterns say: what links lead to, other packages below it,
// and what was installed.
func (p *place) removeHalfWritten(t *taskgraph.Task, since time.Time) error {
	outputs := p.config.TaskFor(t.Package.Keys(), t.Target).Outputs
	if len(outputs) == 0 {
		return nil
	}
	root := filepath.Join(p.ws.Root, t.Package.Dir)
	others := map[string]bool{}
	for _, pkg := range plan.Packages(p.ws) {
		others[filepath.Join(p.ws.Root, pkg.Dir)] = true
	}
	named := slices.ContainsFunc(outputs, func(pattern string) bool { return strings.Contains(pattern, installed) })
	var errs []error
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		file := filepath.Join(root, filepath.FromSlash(name))
		switch {
		case err != nil:
			return nil // it has gone, or was not for the task to write
		case d.IsDir() && name != "." && (others[file] || d.Name() == ".git" || d.Name() == stateDir || d.Name() == installed && !named):
			return fs.SkipDir
		case !d.Type().IsRegular() || !isOutput(outputs, name):
			return nil
		}
		if info, err := d.Info(); err != nil || info.ModTime().Before(since) {
			return nil
		}
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// isOutput reports whether a file is one of the outputs, and not taken out of
// them by a "!" pattern.
func isOutput(outputs []string, name string) bool {
	below := slices.Contains(strings.Split(name, "/"), installed)
	matches := func(pattern string) bool {
		match, _ := doublestar.Match(path.Clean(pattern), name) // a bad pattern matches nothing
		return match
	}
	is := false
	for _, pattern := range outputs {
		if not, ok := strings.CutPrefix(pattern, "!"); ok {
			if matches(not) {
				return false
			}
		} else if !below || strings.Contains(pattern, installed) {
			is = is || matches(pattern)
		}
	}
	return is
}
