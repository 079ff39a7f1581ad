// Package turns tells whether two processes run, or put back, one task of a workspace at once. Neither
// can tell then what is its own. It keeps nobody waiting: each is told, and what follows from that is the
// caller's.
//
// Any process may be killed, and the folder removed or moved, at any time. What was killed does not
// count as running, and what it left goes when the same task, or the next process, begins a turn.
// docs/cache-format.md describes the files.
package turns

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/rundir"
)

// Turns are those of all tasks of a workspace. They may be used by several goroutines, and in several
// processes at once.
type Turns struct {
	root, folder string

	mu   sync.Mutex // guards all below
	open []*opened  // the last one is that of now
}

// Turn is a task that runs, or whose result is put in place. End it.
type Turn struct {
	turns  *Turns
	folder *opened
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

// opened is the folder of all turns and the idle files in it.
type opened struct {
	*confined.Folder
	info fs.FileInfo // tells whether it is still the one in the workspace
	idle []idle      // Turns.mu guards it
}

// In returns the turns that a folder of the workspace at root notes. It is named with slashes and
// relative to root. Nothing is made before the first Begin.
func In(root, folder string) *Turns { return &Turns{root: root, folder: folder} }

// Close removes what waits for further turns. All turns have ended.
func (all *Turns) Close() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, f := range all.open {
		f.close()
	}
	all.open = nil
}

// Begin begins a turn of a task. It does not wait for others, but both will know: a file has the
// name of a turn only once it is locked, and each looks for others when its own has the name. The
// error is about the folder or a file in it; then there is no turn.
func (all *Turns) Begin(task string) (*Turn, error) {
	f, err := all.now()
	if err != nil {
		return nil, err
	}
	prefix := fingerprint.Sum(task).String() + "-"
	t := &Turn{turns: all, folder: f, name: prefix + rand.Text()}
	if t.unlock, err = all.lockTurn(f, t.name); err == nil {
		err = t.meet(prefix)
	}
	if err != nil {
		t.End()
		return nil, err
	}
	return t, nil
}

// now is the folder of all turns, which stays open: opening it takes longer than to begin a
// turn. If it was moved or removed meanwhile, it is the one that is there now.
func (all *Turns) now() (*opened, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if n := len(all.open); n > 0 {
		now, err := os.Lstat(filepath.Join(all.root, filepath.FromSlash(all.folder)))
		if err == nil && os.SameFile(now, all.open[n-1].info) {
			return all.open[n-1], nil
		}
	}
	top, err := rundir.Make(filepath.Join(all.root, rundir.Name))
	if err != nil {
		return nil, err
	}
	_ = top.Close() // it was only made
	f, err := confined.Make(all.root, all.folder)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat(".")
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	removeIdle(f)
	made := &opened{Folder: f, info: info}
	all.open = append(all.open, made) // turns that run may still use those before
	return made, nil
}

// lockTurn makes the locked file of a turn.
func (all *Turns) lockTurn(folder *opened, name string) (unlock func(), err error) {
	for range 3 { // another process may remove the new file before it is locked, as idle
		var file idle
		if file, err = all.takeIdle(folder); err != nil {
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
func (all *Turns) takeIdle(folder *opened) (file idle, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if n := len(folder.idle); n > 0 {
		file, folder.idle = folder.idle[n-1], folder.idle[:n-1]
		return file, nil
	}
	file.name = idlePrefix + rand.Text()
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
func (f *opened) close() {
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
	_, gone := t.folder.Lstat(t.name) // the folder may have been removed, and others begun in a new one
	_, met := t.folder.Lstat(t.name + metSuffix)
	return !t.met && gone == nil && errors.Is(met, fs.ErrNotExist)
}

// End ends the turn.
func (t *Turn) End() {
	_ = t.folder.Remove(t.name + metSuffix) // the next turn removes what stays
	if t.unlock != nil {
		t.turns.rest(t)
	}
}

// rest keeps the file of a turn for the next one.
func (all *Turns) rest(t *Turn) {
	name := idlePrefix + rand.Text()
	if t.folder.Rename(t.name, name) != nil {
		t.unlock()
		_ = t.folder.Remove(t.name) // the next turn removes what stays
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	t.folder.idle = append(t.folder.idle, idle{name, t.unlock})
}
