// Package ownership knows which task wrote which file of a workspace: the outputs that tasks
// have now. Several tasks may write one file, one after the other. One that removed it left it
// absent. Tasks are named by their IDs, and files by their paths from the workspace's root, with
// slashes.
package ownership

import (
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// Left is a file as a task left it.
type Left struct {
	// Task is the ID of the task.
	Task string
	// State is what it left: fingerprint.Absent if it removed the file.
	State fingerprint.State
}

// Table is which task wrote which file of a workspace. It may be used by several goroutines.
type Table struct {
	root, folder string

	mu      sync.Mutex // guards all below
	byPath  map[string][]Left
	byTask  map[string][]string
	several map[string]bool            // the paths that several tasks wrote
	after   map[string]map[string]bool // the upstream tasks of a task, as far as is known
	fresh   map[string]bool            // tasks whose files were set since it was loaded
}

// afterLocked are the upstream tasks of a task that writes over files of others. Of the rest
// nobody asks.
func (t *Table) afterLocked(task string) []string {
	for _, path := range t.byTask[task] {
		if len(t.byPath[path]) > 1 {
			return slices.Sorted(maps.Keys(t.after[task]))
		}
	}
	return nil
}

// Meet notes what comes before a task. upstream are all such tasks; it is kept, so do not
// change it afterwards.
func (t *Table) Meet(task string, upstream map[string]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.after[task] = upstream
}

// Ordered reports whether one of two tasks comes before the other.
func (t *Table) Ordered(a, b string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return a == b || t.after[a][b] || t.after[b][a]
}

// Set notes what a task left. upstream is as for Meet.
func (t *Table) Set(task string, upstream map[string]bool, files map[string]fingerprint.State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.after[task] = upstream
	t.setLocked(task, files)
	t.fresh[task] = true
}

// Keep is Set for what is in place since an earlier run, or again. What is known of that already
// is not written again.
func (t *Table) Keep(task string, upstream map[string]bool, files map[string]fingerprint.State) {
	t.mu.Lock()
	same := len(t.afterLocked(task)) == 0 && maps.Equal(t.filesLocked(task), files)
	t.mu.Unlock()
	if !same {
		t.Set(task, upstream, files)
	}
}

func (t *Table) setLocked(task string, files map[string]fingerprint.State) {
	for _, path := range t.byTask[task] {
		t.byPath[path] = slices.DeleteFunc(slices.Clone(t.byPath[path]), func(l Left) bool { return l.Task == task })
		switch len(t.byPath[path]) {
		case 0:
			delete(t.byPath, path)
		case 1:
			delete(t.several, path)
		}
	}
	t.byTask[task] = nil
	for path, state := range files {
		t.byPath[path] = append(t.byPath[path], Left{task, state})
		if len(t.byPath[path]) > 1 {
			t.several[path] = true
		}
		t.byTask[task] = append(t.byTask[task], path)
	}
}

// Files are the states of what a task left, by path. They are the caller's.
func (t *Table) Files(task string) map[string]fingerprint.State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.filesLocked(task)
}

func (t *Table) filesLocked(task string) map[string]fingerprint.State {
	files := map[string]fingerprint.State{}
	for _, path := range t.byTask[task] {
		for _, l := range t.byPath[path] {
			if l.Task == task {
				files[path] = l.State
			}
		}
	}
	return files
}

// Of is what the tasks that wrote a path left there; nil if no task wrote it.
func (t *Table) Of(path string) []Left {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.byPath[path])
}

// Owns reports whether a task wrote a path.
func (t *Table) Owns(task, path string) bool {
	return slices.ContainsFunc(t.Of(path), func(l Left) bool { return l.Task == task })
}

// Foreign reports whether a path is written by tasks, and by none of those upstream.
func (t *Table) Foreign(upstream map[string]bool, path string) bool {
	all := t.Of(path)
	return len(all) > 0 && !slices.ContainsFunc(all, func(l Left) bool { return upstream[l.Task] })
}

// Below is what the last upstream task left of a file; ok is false if none wrote it.
func (t *Table) Below(upstream map[string]bool, path string) (l Left, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, other := range t.byPath[path] {
		if upstream[other.Task] && (!ok || t.after[other.Task][l.Task]) {
			l, ok = other, true
		}
	}
	return l, ok
}

// Covered is what the last upstream task left of a file if a task, or one after it, has
// written over that: the task finds the file as it was before. Otherwise ok is false.
func (t *Table) Covered(task string, upstream map[string]bool, path string) (l Left, ok bool) {
	all := t.Of(path)
	if len(all) < 2 || !slices.ContainsFunc(all, func(l Left) bool { return t.notBefore(task, l.Task) }) {
		return Left{}, false
	}
	return t.Below(upstream, path)
}

// notBefore reports whether another task is the same one, or comes after it.
func (t *Table) notBefore(task, other string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return other == task || t.after[other][task]
}

// IsShared reports whether several tasks wrote a path.
func (t *Table) IsShared(path string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.several[path]
}

// Shared are the files that several tasks wrote.
func (t *Table) Shared() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.several))
}

// Hidden are the names in a folder that a task, or one after it, removed. It is nil if they
// removed nothing there, and not the folder.
func (t *Table) Hidden(task, dir string) (names []string) {
	for _, name := range t.Shared() {
		if name != dir && path.Dir(name) != dir {
			continue
		}
		if !slices.ContainsFunc(t.Of(name), func(l Left) bool { return l.State == fingerprint.Absent && t.notBefore(task, l.Task) }) {
			continue
		}
		if names == nil {
			names = []string{}
		}
		if name != dir {
			names = append(names, path.Base(name))
		}
	}
	return names
}

// Over reports whether a task that comes after another left a file in the state now, over what
// that one had left in the state was.
func (t *Table) Over(task, path string, was, now fingerprint.State) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, over := false, false
	for _, l := range t.byPath[path] {
		own = own || l.Task == task && l.State == was
		over = over || t.after[l.Task][task] && l.State == now
	}
	return own && over
}
