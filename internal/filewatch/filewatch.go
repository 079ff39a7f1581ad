// Package filewatch tells which files of a workspace change. It waits for the system to tell,
// and compares contents, so that a file that was written as it was is known as such. What is
// installed, Git's own folder, tools' caches and what Git ignores are not watched; links are
// watched themselves, never what they lead to.
//
// It holds one watch for each folder (on macOS one open file for each file), and about 150
// bytes of memory for each file. Opening it reads every file once.
package filewatch

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/heapmage/heapmage/internal/problem"
)

const (
	// quiet is how long nothing may happen before what did is told: an editor writes in
	// several steps, and tools write many files at once.
	quiet = 80 * time.Millisecond
	// longest is how long a file that changes all the time delays the rest.
	longest = time.Second
)

// Sum stands for the content of a file, its kind and whether it may be executed. Equal files
// have equal sums as long as the program runs. Zero means that there is none.
type Sum uint64

// Change is a file that was written, added or removed.
type Change struct {
	// Path is relative to the workspace, with slashes.
	Path string
	// Before and After are equal if the file was written as it was.
	Before, After Sum
}

// Watcher watches the files of a workspace. It is used by one goroutine at a time.
type Watcher struct {
	tree   *tree
	notify *fsnotify.Watcher
	// pending are paths of which something was heard since the last answer.
	pending map[string]fsnotify.Op
	lost    bool // more happened than the system could tell
}

// Open watches a workspace from now on. root is absolute, with links resolved. Every error is
// a *problem.Error. Close the watcher.
func Open(ctx context.Context, root string) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explained(root, err)
	}
	w := &Watcher{notify: notify, pending: map[string]fsnotify.Op{}}
	w.tree = newTree(root, w.add)
	if err := w.tree.scan(ctx, []string{"."}); err != nil {
		return nil, errors.Join(explained(root, err), notify.Close())
	}
	w.tree.take()
	return w, nil
}

// Close ends the watches.
func (w *Watcher) Close() error { return w.notify.Close() }

// add watches a folder. A folder that has gone, or that may not be read, has no files.
func (w *Watcher) add(dir string) error {
	switch err := w.notify.Add(dir); {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return nil
	default:
		return err
	}
}

// Next waits until files have changed, and then until nothing has for a moment. Once ctx is
// done it returns its error; what was heard by then comes with the next call. Every other
// error is a *problem.Error.
func (w *Watcher) Next(ctx context.Context) ([]Change, error) {
	for {
		if len(w.pending) == 0 && !w.lost {
			if err := w.hear(ctx, nil); err != nil {
				return nil, err
			}
		}
		if err := w.settle(ctx); err != nil {
			return nil, err
		}
		if changes, err := w.changes(ctx); err != nil || len(changes) > 0 {
			return changes, err
		}
	}
}

// Settle returns what has changed so far, which may be nothing, once nothing has for a moment.
func (w *Watcher) Settle(ctx context.Context) ([]Change, error) {
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	return w.changes(ctx)
}

var errQuiet = errors.New("nothing happens")

// settle listens until nothing happens.
func (w *Watcher) settle(ctx context.Context) error {
	for end := time.Now().Add(longest); time.Now().Before(end); {
		switch err := w.hear(ctx, time.After(quiet)); {
		case errors.Is(err, errQuiet):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// hear takes in one event. It returns errQuiet once there is a value in enough.
func (w *Watcher) hear(ctx context.Context, enough <-chan time.Time) error {
	select {
	case e, open := <-w.notify.Events:
		if !open {
			return explained(w.tree.root, fsnotify.ErrClosed)
		}
		if rel, err := filepath.Rel(w.tree.root, e.Name); err == nil && filepath.IsLocal(rel) {
			w.pending[filepath.ToSlash(rel)] |= e.Op
		}
	case err := <-w.notify.Errors:
		if !errors.Is(err, fsnotify.ErrEventOverflow) {
			return explained(w.tree.root, err)
		}
		w.lost = true
	case <-enough:
		return errQuiet
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// changes compares what was heard of with what is known.
func (w *Watcher) changes(ctx context.Context) ([]Change, error) {
	heard := w.pending
	w.pending = map[string]fsnotify.Op{}
	all := w.lost
	for name := range heard { // another .gitignore may concern every file
		all = all || path.Base(name) == ".gitignore" && !w.tree.skips(name)
	}
	w.lost = false
	ctx = context.WithoutCancel(ctx) // half an answer would be none
	var err error
	if all {
		err = w.tree.again(ctx)
	}
	if err == nil {
		err = w.tree.look(ctx, heard)
	}
	if err != nil {
		w.lost = true // what was heard is compared again
		return nil, explained(w.tree.root, err)
	}
	var changes []Change
	for name, sum := range w.tree.take() {
		changes = append(changes, Change{Path: name, Before: sum, After: w.tree.files[name]})
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

// explained is the error that tells the user what to do.
func explained(root string, err error) error {
	p := &problem.Error{Where: root, What: "its files cannot be watched", Cause: err}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		p.What, p.Cause = "the system watches no more folders for this user", nil
		p.Hint = "raise the limit: sudo sysctl fs.inotify.max_user_watches=524288 (and in /etc/sysctl.conf, to keep it)"
	case errors.Is(err, syscall.EMFILE) || strings.Contains(fmt.Sprint(err), syscall.EMFILE.Error()):
		p.Hint = "raise the limit: on Linux sudo sysctl fs.inotify.max_user_instances=512; on macOS ulimit -n 65536 in this shell"
	}
	return p
}
