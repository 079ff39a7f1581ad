package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/heapmage/heapmage/internal/taskgraph"
)

// removeHalfWritten removes what a task wrote since it started, among the
// outputs that are known of it, so that its next attempt does not find half of
// a file. Files from before it are left, as are links and what lies outside of
// the package.
func (r *run) removeHalfWritten(t *taskgraph.Task, since time.Time) error {
	var errs []error
	outputs := r.config.TaskFor(t.Package.Name, t.Target).Outputs
	root := filepath.Join(r.ws.Root, t.Package.Dir)
	for _, pattern := range outputs {
		if strings.HasPrefix(pattern, "!") || !filepath.IsLocal(filepath.FromSlash(pattern)) {
			continue
		}
		errs = append(errs, doublestar.GlobWalk(os.DirFS(root), pattern, func(path string, d fs.DirEntry) error {
			if !d.Type().IsRegular() || kept(outputs, path) {
				return nil
			}
			if info, err := d.Info(); err != nil || info.ModTime().Before(since) {
				return nil
			}
			return os.Remove(filepath.Join(root, filepath.FromSlash(path)))
		}, doublestar.WithNoFollow()))
	}
	return errors.Join(errs...)
}

// kept reports whether an output is taken out of them by a "!" pattern.
func kept(outputs []string, path string) bool {
	for _, pattern := range outputs {
		if not, ok := strings.CutPrefix(pattern, "!"); ok {
			if match, _ := doublestar.Match(not, path); match {
				return true
			}
		}
	}
	return false
}
