// Package rundir is the .heapmage folder of a workspace: what earlier runs left,
// and a folder for each run. Two runs at once are safe: a run's folder is never
// removed while the run lasts, whatever ends it.
package rundir

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/event"
)

// Name is the folder at the workspace root.
const Name = ".heapmage"

// History is the name of the history of a workspace, as messages show it.
const History = Name + "/history.jsonl"

// HistoryFile is the path of the history of the workspace at root.
func HistoryFile(root string) string { return filepath.Join(root, filepath.FromSlash(History)) }

// kept is how many runs are kept. Older ones are removed when a run starts.
const kept = 20

// Run is the folder of one run. Its methods may be called by many goroutines.
type Run struct {
	// Dir is the path of the folder, and Shown its name in messages.
	Dir, Shown string

	held *os.File // keeps other runs from removing Dir; nil if there is no lock

	mu    sync.Mutex
	tasks map[string]string // by the name of their log
}

// Open makes the folder of the run id at the workspace root, and removes the
// oldest runs. If the workspace cannot be written, the run gets a temporary
// folder, and a notice tells the user. IDs must sort by time.
func Open(root, id string) (*Run, []event.Notice, error) {
	top := filepath.Join(root, Name)
	r := &Run{Dir: filepath.Join(top, "runs", id), Shown: filepath.Join(Name, "runs", id), tasks: map[string]string{}}
	err := os.MkdirAll(r.logs(), 0o755)
	if err == nil {
		err = Make(root)
	}
	if err == nil {
		r.held, err = hold(r.Dir)
	}
	if err == nil {
		prune(filepath.Join(top, "runs"), id)
		return r, nil, nil
	}
	notice := event.Notice{Kind: event.StateUnwritten,
		Text: fmt.Sprintf("%s cannot be written (%v): logs go to a temporary folder", Name, err), Hint: "make the workspace's folder writable to keep them"}
	r.Dir, err = os.MkdirTemp("", "heapmage-"+id+"-")
	if err == nil {
		err = os.Mkdir(r.logs(), 0o755)
	}
	r.Shown = r.Dir
	return r, []event.Notice{notice}, err
}

// Make makes the .heapmage folder of the workspace at root. Its own .gitignore
// keeps it out of version control, whatever the user's says.
func Make(root string) error {
	path := filepath.Join(root, Name, ".gitignore")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte("*\n"), 0o644)
}

// Writable returns why a run could not make its folder at the workspace root, nil
// if it can. It only looks: it makes and removes nothing.
func Writable(root string) error {
	dir := root
	for _, name := range []string{Name, "runs"} {
		next := filepath.Join(dir, name)
		info, err := os.Stat(next)
		switch {
		case os.IsNotExist(err):
			return writable(dir)
		case err != nil:
			return err
		case !info.IsDir():
			return &fs.PathError{Op: "mkdir", Path: next, Err: fs.ErrExist}
		}
		dir = next
	}
	return writable(dir)
}

// Close lets other runs remove the folder.
func (r *Run) Close() {
	if r.held != nil {
		_ = r.held.Close() // it was only read
	}
}

// Events is the file that records the run's events.
func (r *Run) Events() string { return filepath.Join(r.Dir, "events.jsonl") }

func (r *Run) logs() string { return filepath.Join(r.Dir, "logs") }

var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// Log is the file for the output of one attempt at a task; attempts count from 1.
// No two tasks share a file.
func (r *Run) Log(task string, attempt int) string {
	plain := strings.Trim(unsafe.ReplaceAllString(task, "-"), "-")
	name := plain
	r.mu.Lock()
	for n := 2; r.tasks[name] != "" && r.tasks[name] != task; n++ {
		name = fmt.Sprintf("%s~%d", plain, n)
	}
	r.tasks[name] = task
	r.mu.Unlock()
	if attempt > 1 {
		name += fmt.Sprintf(".%d", attempt)
	}
	return filepath.Join(r.logs(), name+".log")
}

// prune removes the oldest runs, so that with own no more than kept are left. It
// removes neither own nor a run that still lasts: a long run may be beside, or
// around, many short ones. What cannot be removed stays.
func prune(runs, own string) {
	entries, err := os.ReadDir(runs)
	if err != nil {
		return
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() || e.Name() == own })
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(b.Name(), a.Name()) })
	for _, e := range entries[min(kept-1, len(entries)):] {
		if dir := filepath.Join(runs, e.Name()); !inUse(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}
