// Package rundir is the .heapmage folder of a workspace: what earlier runs left,
// and a folder for each run. Two runs at once are safe: a run's folder is never
// removed while the run lasts, whatever ends it.
//
// The folder is not trusted, since it may come with a repository: no symbolic link in
// it is followed, and only runs are pruned. Nor is it relied upon: a script may remove
// it, and the disk may be full. A run goes on then, and knows what was lost.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// Name is the folder at the workspace root.
const Name = ".heapmage"

// History is the name of the history of a workspace, as messages show it.
const History = Name + "/history.jsonl"

// HistoryFile is the path of the history of the workspace at root.
func HistoryFile(root string) string { return filepath.Join(root, filepath.FromSlash(History)) }

// Run is the folder of one run. Its methods may be called by many goroutines.
type Run struct {
	// Dir is the path of the folder, and Shown its name in messages.
	Dir, Shown string

	top  string                           // .heapmage, or a temporary folder; empty if neither can be made
	make func() (*confined.Folder, error) // the folder, anew if it was removed
	held *os.File                         // keeps other runs from removing Dir; nil if there is no lock

	mu    sync.Mutex
	tasks map[string]string // by the name of their log
	open  map[string]*Log   // by path
	// incomplete are the paths of the closed logs that miss a part.
	incomplete map[string]bool
	dir        *confined.Folder // Dir, and logs the folder in it; nil before the first use
	logs       *confined.Folder
	lost       lost
}

// Open makes the folder of the run id at the workspace root, and removes the
// oldest runs. IDs are those of proc.NewRunID: they sort by time. If the workspace
// cannot be written, the run gets a temporary folder, and if there is none either it
// keeps the end of the logs in memory. Notices tell the user.
func Open(root, id string) (*Run, []event.Notice) {
	top := filepath.Join(root, Name)
	r := &Run{Dir: filepath.Join(top, runs, id), Shown: filepath.Join(Name, runs, id), top: top, tasks: map[string]string{}, open: map[string]*Log{}}
	r.make = func() (*confined.Folder, error) {
		top, err := Make(r.top)
		if err != nil {
			return nil, err
		}
		_ = top.Close() // it was only made
		return confined.Make(root, Name+"/"+runs+"/"+id)
	}
	prune(root, id)
	err := r.prepare()
	if err == nil {
		return r, nil
	}
	notice := event.Notice{Kind: event.StateUnwritten,
		Text: fmt.Sprintf("%s cannot be written (%v): logs go to a temporary folder", Name, err), Hint: "make the workspace's folder writable to keep them"}
	r.Dir, err = os.MkdirTemp("", "heapmage-"+id+"-")
	r.Shown, r.top = r.Dir, r.Dir
	r.make = func() (*confined.Folder, error) { return confined.Make(filepath.Split(r.Dir)) }
	if err == nil {
		err = r.prepare()
	}
	if err != nil {
		r.make = func() (*confined.Folder, error) { return nil, err }
		notice.Text = fmt.Sprintf("%s cannot be written, nor can a temporary folder (%v): this run is not recorded", Name, err)
		notice.Hint = "free disk space, or make the workspace's folder writable"
		r.Shown = Name
	}
	return r, []event.Notice{notice}
}

// prepare makes the folder and marks it as in use.
func (r *Run) prepare() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.remakeLocked(); err != nil {
		return err
	}
	var err error
	if r.held, err = r.dir.Root.Open("."); err == nil {
		hold(r.held)
	}
	return err
}

// remakeLocked makes the folder again, as a script may have removed it.
func (r *Run) remakeLocked() error {
	r.closeLocked()
	dir, err := r.make()
	if err != nil {
		return err
	}
	if err := dir.Mkdir(logs, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return errors.Join(err, dir.Close())
	}
	in, err := dir.Sub(logs)
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	r.dir, r.logs = dir, in
	return nil
}

func (r *Run) closeLocked() {
	if r.dir != nil {
		_, _ = r.logs.Close(), r.dir.Close() // they were only read
	}
	r.dir, r.logs = nil, nil
}

// Make opens the .heapmage folder at the path dir, and makes it if it is missing. Its
// own .gitignore keeps it out of version control, whatever the user's says.
func Make(dir string) (*confined.Folder, error) {
	base, name := filepath.Split(dir)
	f, err := confined.Make(base, name)
	if err != nil {
		return nil, err
	}
	ignore, err := f.OpenFile(".gitignore", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return f, nil //nolint:nilerr // usually it is there; without it the folder works all the same
	}
	_, err = ignore.WriteString("*\n")
	if err = errors.Join(err, ignore.Close()); err != nil {
		_ = f.Remove(".gitignore") // the disk is full: half of it would ignore something else
	}
	return f, nil
}

// Writable returns why a run could not make its folder at the workspace root, nil
// if it can. It only looks: it makes and removes nothing.
func Writable(root string) error {
	dir := root
	for _, name := range []string{Name, runs} {
		next := filepath.Join(dir, name)
		info, err := os.Lstat(next)
		switch {
		case os.IsNotExist(err):
			return writable(dir)
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return &fs.PathError{Op: "open", Path: next, Err: confined.ErrLink}
		case !info.IsDir():
			return &fs.PathError{Op: "mkdir", Path: next, Err: fs.ErrExist}
		}
		dir = next
	}
	return writable(dir)
}

// Close lets other runs remove the folder. All logs must be closed.
func (r *Run) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dir != nil {
		_ = r.dir.Remove(owner) // there is none without SetOwner
	}
	r.closeLocked()
	if r.held != nil {
		_ = r.held.Close() // it was only read
	}
}

// The names in a .heapmage folder.
const (
	runs   = "runs"
	events = "events.jsonl"
	logs   = "logs"
)

// lost is what could not be written.
type lost struct {
	bytes int64
	logs  int
	err   error // the first
}

// Lost tells what of the output of tasks could not be written, empty if nothing.
func (r *Run) Lost() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost.logs == 0 {
		return ""
	}
	return fmt.Sprintf("%s of output are missing from %d of the logs in %s: %v", memtools.Bytes(r.lost.bytes).Short(), r.lost.logs, r.Shown, cause(r.lost.err))
}

// cause is an error without the path of a file.
func cause(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// trimmed is a name for a file, of the characters that every system allows.
func trimmed(task string) string {
	return strings.Trim(unsafe.ReplaceAllString(task, "-"), "-")
}
