package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// Turn is a task that runs, or whose result is put in place. Two processes may do that with
// one task at once, and then neither can tell what is its own. End it.
type Turn struct {
	folder *confined.Folder // that of all turns
	name   string
	unlock func()
	met    bool // another was there when it began
}

// metSuffix ends the name of the mark of a turn that another has met.
const metSuffix = ".met"

// Begin begins a turn of a task. It does not wait for others, but both will know.
func (s *Store) Begin(ctx context.Context, task string) (*Turn, error) {
	folder, err := s.make()
	if err != nil {
		return nil, unwritten(err)
	}
	defer folder.Close()
	f, err := folder.Sub(turns)
	if err != nil {
		return nil, unwritten(err)
	}
	prefix := fingerprint.Sum(task).String() + "-"
	t := &Turn{folder: f, name: prefix + randomID()}
	// One that begins at the same moment must not find it before it is locked.
	unlock, err := s.lock(ctx, folder)
	if err == nil {
		defer unlock()
		if t.unlock, err = f.TryLock(t.name); err == nil {
			err = t.meet(prefix)
		}
	}
	if err != nil {
		t.End()
		return nil, unwritten(err)
	}
	return t, nil
}

// meet looks for other turns of the task, and marks them. It removes what killed processes
// left.
func (t *Turn) meet(prefix string) error {
	list, err := fs.ReadDir(t.folder.FS(), ".")
	if err != nil {
		return err
	}
	var names []string
	for _, e := range list {
		if strings.HasPrefix(e.Name(), prefix) && e.Name() != t.name {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		if of, isMark := strings.CutSuffix(name, metSuffix); isMark {
			if !slices.Contains(names, of) {
				_ = t.folder.Remove(name) // the next one tries again
			}
			continue
		}
		unlock, err := t.folder.TryLock(name)
		switch {
		case errors.Is(err, confined.ErrLocked):
			t.met = true
			mark, err := t.folder.OpenFile(name+metSuffix, os.O_WRONLY|os.O_CREATE)
			if err != nil {
				return err
			}
			_ = mark.Close() // nothing was written
		case err == nil:
			unlock()
			_, _ = t.folder.Remove(name), t.folder.Remove(name+metSuffix) // as above
		}
	}
	return nil
}

// Alone reports whether no other turn of the task has been there so far.
func (t *Turn) Alone() bool {
	_, gone := t.folder.Lstat(t.name) // the cache may have been removed, and others begun in a new one
	_, met := t.folder.Lstat(t.name + metSuffix)
	return !t.met && gone == nil && missing(met)
}

// End ends the turn.
func (t *Turn) End() {
	if t.unlock != nil {
		t.unlock()
	}
	_, _ = t.folder.Remove(t.name), t.folder.Remove(t.name+metSuffix) // the next turn removes what stays
	_ = t.folder.Close()                                              // it was only read
}
