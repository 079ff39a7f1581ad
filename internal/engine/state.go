package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/event"
)

// stateDir is the folder at the workspace root that holds what runs leave behind.
const stateDir = ".heapmage"

// keptRuns is how many runs are kept. Older ones are removed when a run begins.
const keptRuns = 20

// state is where one run writes.
type state struct {
	// dir is the folder of this run: its events and the logs of its tasks.
	dir string
	// shown is dir as messages name it.
	shown string
	// held keeps other runs from removing dir.
	held *os.File

	mu    *sync.Mutex
	names map[string]string // the task that a name of a log belongs to
}

func newState(dir, shown string) state {
	return state{dir: dir, shown: shown, mu: &sync.Mutex{}, names: map[string]string{}}
}

// openState makes the folder of a run. Where the workspace cannot be written
// it takes a temporary one and says so.
func openState(root, run string) (state, []event.Notice, error) {
	top := filepath.Join(root, stateDir)
	s := newState(filepath.Join(top, "runs", run), filepath.Join(stateDir, "runs", run))
	err := os.MkdirAll(filepath.Join(s.dir, "logs"), 0o755)
	if err == nil {
		err = ignore(top)
	}
	if err == nil {
		s.held, err = hold(s.dir)
	}
	if err == nil {
		prune(filepath.Join(top, "runs"), run, keptRuns)
		return s, nil, nil
	}
	notice := event.Notice{Kind: event.StateUnwritten,
		Text: fmt.Sprintf("%s cannot be written (%v): logs go to a temporary folder", stateDir, err), Hint: "make the workspace's folder writable to keep them"}
	s.dir, err = os.MkdirTemp("", "heapmage-"+run+"-")
	if err == nil {
		err = os.Mkdir(filepath.Join(s.dir, "logs"), 0o755)
	}
	s.shown = s.dir
	return s, []event.Notice{notice}, err
}

// ignore keeps the state out of version control, whatever the user's own
// .gitignore says.
func ignore(top string) error {
	path := filepath.Join(top, ".gitignore")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(top, 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte("*\n"), 0o644)
}

// events is the file that records the run.
func (s state) events() string { return filepath.Join(s.dir, "events.jsonl") }

// close lets other runs remove the folder.
func (s state) close() { _ = s.held.Close() } // of nothing, nil, it is an error

// prune removes the oldest runs beyond the newest keep, but never own, nor one
// that still runs: a long one may be beside, or around, many short ones. Their
// names begin with their time, so that they sort by age. What it cannot remove
// stays.
func prune(runs, own string, keep int) {
	entries, err := os.ReadDir(runs)
	if err != nil {
		return
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() || e.Name() == own })
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(b.Name(), a.Name()) })
	for _, e := range entries[min(keep-1, len(entries)):] {
		if dir := filepath.Join(runs, e.Name()); !inUse(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// log is the file that takes a task's output. No two tasks have the same.
func (s state) log(id string, attempt int) string {
	plain := strings.Trim(unsafe.ReplaceAllString(id, "-"), "-")
	name := plain
	s.mu.Lock()
	for n := 2; s.names[name] != "" && s.names[name] != id; n++ {
		name = fmt.Sprintf("%s~%d", plain, n)
	}
	s.names[name] = id
	s.mu.Unlock()
	if attempt > 1 {
		name += fmt.Sprintf(".%d", attempt)
	}
	return filepath.Join(s.dir, "logs", name+".log")
}
