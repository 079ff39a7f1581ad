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
	store  *Store
	folder *confined.Folder // that of all turns
	name   string
	unlock func()
	met    bool // another was there when it began
}

// metSuffix ends the name of the mark of a turn that another has met.
const metSuffix = ".met"

// idlePrefix begins the name of a file that waits for the next turn. A file for each one would
// be a removed inode for each one: ext4 gives none of them out again for minutes, and looks at
// all of them whenever a file is made.
const idlePrefix = "idle-"

// idle is such a file, which is locked.
type idle struct {
	name   string
	unlock func()
}

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
	t := &Turn{store: s, folder: f, name: prefix + randomID()}
	// One that begins at the same moment must not find it before it is locked.
	unlock, err := s.lock(ctx, folder)
	if err == nil {
		defer unlock()
		if t.unlock, err = s.lockTurn(f, t.name); err == nil {
			err = t.meet(prefix)
		}
	}
	if err != nil {
		t.End()
		return nil, unwritten(err)
	}
	return t, nil
}

// lockTurn makes the locked file of a turn.
func (s *Store) lockTurn(folder *confined.Folder, name string) (unlock func(), err error) {
	s.folders.Lock()
	defer s.folders.Unlock()
	if !s.tidy {
		s.tidy = true
		removeIdle(folder)
	}
	if n := len(s.idle); n > 0 {
		file := s.idle[n-1]
		s.idle = s.idle[:n-1]
		if folder.Rename(file.name, name) == nil {
			return file.unlock, nil
		}
		file.unlock() // the cache was removed meanwhile
	}
	return folder.TryLock(name)
}

// removeIdle removes the idle files of processes that were killed.
func removeIdle(folder *confined.Folder) {
	list, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return // the next process tries again
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), idlePrefix) {
			continue
		}
		if unlock, err := folder.TryLock(e.Name()); err == nil {
			unlock()
			_ = folder.Remove(e.Name()) // as above
		}
	}
}

// endIdle removes the idle files of this process. s.folders is locked.
func (s *Store) endIdle() {
	if len(s.idle) == 0 {
		return
	}
	folder, err := s.open(turns)
	for _, file := range s.idle {
		file.unlock()
		if err == nil {
			_ = folder.Remove(file.name) // another process removes what stays
		}
	}
	if err == nil {
		_ = folder.Close() // it was only read
	}
	s.idle = nil
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
	_ = t.folder.Remove(t.name + metSuffix) // the next turn removes what stays
	if t.unlock != nil {
		t.store.rest(t)
	}
	_ = t.folder.Close() // it was only read
}

// rest keeps the file of a turn for the next one.
func (s *Store) rest(t *Turn) {
	name := idlePrefix + randomID()
	if t.folder.Rename(t.name, name) != nil {
		t.unlock()
		_ = t.folder.Remove(t.name) // the next turn removes what stays
		return
	}
	s.folders.Lock()
	defer s.folders.Unlock()
	s.idle = append(s.idle, idle{name, t.unlock})
}
