// Package unobserved tells what a task is taken to read and write if it is not observed: by
// what Git ignores, by what is declared, and by what its attempt changed. What it tells has
// the form of an observation. It errs on the side of too many inputs: of what it cannot tell,
// it says so, and then no result is kept. It starts two to six processes of Git a task.
package unobserved

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/declared"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Setting is what the tasks of a run have in common.
type Setting struct {
	Workspace *workspace.Workspace
	Declared  *declared.Model
	// Left are the files that a task has left, relative to the workspace, with slashes. Empty
	// means that they are not known.
	Left func(t *taskgraph.Task) []string
	// Owned reports whether a file, called so, is the output of a task.
	Owned func(path string) bool
}

// Tasks are those of a run. They may be used by several goroutines.
type Tasks struct {
	Setting

	mu         sync.Mutex // guards what follows
	running    map[*taskgraph.Task]bool
	beside     map[*taskgraph.Task][]*taskgraph.Task // that ran in the same package at once
	matched    map[string][]string                   // files of the workspace by glob
	declaredBy map[string][]outputs.Set              // by the folder of a package
}

// Open returns the tasks of a run.
func Open(s Setting) *Tasks {
	return &Tasks{Setting: s, running: map[*taskgraph.Task]bool{}, beside: map[*taskgraph.Task][]*taskgraph.Task{}, matched: map[string][]string{}, declaredBy: map[string][]outputs.Set{}}
}

// outputs are the files that a task is declared to write. Nothing is declared by an empty list.
func (k *Tasks) outputs(pkg *workspace.Package, target string, names ...string) outputs.Set {
	return outputs.Set{Root: k.Workspace.Root, Dir: k.abs(pkg.Dir), Member: k.Workspace.IsFolder,
		Patterns: k.Declared.Task(pkg, target, names...).Outputs.Value}
}

// isOutput reports whether a file of a package is what a task left, or is declared to.
func (k *Tasks) isOutput(pkg *workspace.Package, rel string) bool {
	if k.Owned(rel) {
		return true
	}
	name := within(pkg.Dir, rel)
	return slices.ContainsFunc(k.sets(pkg), func(s outputs.Set) bool { return s.Match(name) })
}

// sets are what is declared of a package's scripts.
func (k *Tasks) sets(pkg *workspace.Package) (all []outputs.Set) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all, known := k.declaredBy[pkg.Dir]
	if !known {
		for script := range pkg.Scripts {
			if s := k.outputs(pkg, script, script); len(s.Patterns) > 0 {
				all = append(all, s)
			}
		}
		k.declaredBy[pkg.Dir] = all
	}
	return all
}

func (k *Tasks) abs(rel string) string {
	return filepath.Join(k.Workspace.Root, filepath.FromSlash(rel))
}

// rel is a file of the workspace relative to its root, with slashes.
func (k *Tasks) rel(abs string) (rel string, ok bool) {
	rel, err := filepath.Rel(k.Workspace.Root, abs)
	return filepath.ToSlash(rel), err == nil && filepath.IsLocal(rel)
}

// isIn reports whether a path is a folder or is in it.
func isIn(dir, rel string) bool { return dir == "." || rel == dir || strings.HasPrefix(rel, dir+"/") }

// within is a path of a folder relative to that.
func within(dir, rel string) string {
	if dir == "." {
		return rel
	}
	return strings.TrimPrefix(rel, dir+"/")
}

// isEnvironmentFile reports whether tools take variables from a file.
func isEnvironmentFile(rel string) bool { return strings.HasPrefix(path.Base(rel), ".env") }
