package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// Turn is a task that runs, or whose result is put in place. Two processes may do that with
// one task at once, and then neither can tell what is its own. End it.
type Turn struct {
	store  *Store
	folder *turnsFolder
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

// turnsFolder is the folder of all turns and the idle files in it.
type turnsFolder struct {
	*confined.Folder
	info fs.FileInfo // tells whether it is still the one in the workspace
	idle []idle      // s.folders guards it
}

// Begin begins a turn of a task. It does not wait for others, but both will know: a file has the
// name of a turn only once it is locked, and each looks for others when its own has the name.
func (s *Store) Begin(task string) (*Turn, error) {
	f, err := s.turns()
	if err != nil {
		return nil, unwritten(err)
	}
	prefix := fingerprint.Sum(task).String() + "-"
	t := &Turn{store: s, folder: f, name: prefix + randomID()}
	if t.unlock, err = s.lockTurn(f, t.name); err == nil {
		err = t.meet(prefix)
	}
	if err != nil {
		t.End()
		return nil, unwritten(err)
	}
	return t, nil
}

// turns is the folder of all turns, which stays open: opening it takes longer than to begin a
// turn. If the cache was moved or removed meanwhile, it is the one that is there now.
func (s *Store) turns() (*turnsFolder, error) {
	s.folders.Lock()
	defer s.folders.Unlock()
	if n := len(s.running); n > 0 {
		now, err := os.Lstat(filepath.Join(s.root, filepath.FromSlash(dir), turns))
		if err == nil && os.SameFile(now, s.running[n-1].info) {
			return s.running[n-1], nil
		}
	}
	folder, err := s.make()
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	f, err := folder.Sub(turns)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat(".")
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	removeIdle(f)
	made := &turnsFolder{Folder: f, info: info}
	s.running = append(s.running, made) // turns that run may still use those before
	return made, nil
}

// lockTurn makes the locked file of a turn.
func (s *Store) lockTurn(folder *turnsFolder, name string) (unlock func(), err error) {
	for range 3 { // another process may remove the new file before it is locked, as idle
		var file idle
		if file, err = s.takeIdle(folder); err != nil {
			continue
		}
		if err = folder.Rename(file.name, name); err == nil {
			return file.unlock, nil
		}
		file.unlock()
	}
	return nil, err
}

// takeIdle takes an idle file, or makes one.
func (s *Store) takeIdle(folder *turnsFolder) (file idle, err error) {
	s.folders.Lock()
	defer s.folders.Unlock()
	if n := len(folder.idle); n > 0 {
		file, folder.idle = folder.idle[n-1], folder.idle[:n-1]
		return file, nil
	}
	file.name = idlePrefix + randomID()
	file.unlock, err = folder.TryLock(file.name)
	return file, err
}

// removeIdle removes the idle files of processes that were killed.
func removeIdle(folder *confined.Folder) {
	names, err := folder.Names()
	if err != nil {
		return // the next process tries again
	}
	for _, name := range names {
		if !strings.HasPrefix(name, idlePrefix) {
			continue
		}
		if unlock, err := folder.TryLock(name); err == nil {
			unlock()
			_ = folder.Remove(name) // as above
		}
	}
}

// close removes the idle files.
func (f *turnsFolder) close() {
	for _, file := range f.idle {
		file.unlock()
		_ = f.Remove(file.name) // another process removes what stays
	}
	_ = f.Close() // it was only read
}

// meet looks for other turns of the task, and marks them. It removes what killed processes
// left.
func (t *Turn) meet(prefix string) error {
	names, err := t.folder.Names()
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) || name == t.name })
	for _, name := range names {
		if of, isMark := strings.CutSuffix(name, metSuffix); isMark {
			switch {
			case of == t.name:
				t.met = true // the mark stays: another one may be making it as well
			case !slices.Contains(names, of):
				_ = t.folder.Remove(name) // the next one tries again
			}
			continue
		}
		unlock, err := t.folder.TryLock(name)
		switch {
		case errors.Is(err, confined.ErrLocked):
			t.met = true
			mark, err := t.folder.OpenFile(name+metSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
			if errors.Is(err, fs.ErrExist) {
				continue // only its own turn removes it
			}
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
	t.folder.idle = append(t.folder.idle, idle{name, t.unlock})
}
