package reuse

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/rundir"
)

// ownersFile is where the table is kept.
const (
	folder     = rundir.Name + "/cache"
	ownersFile = "owners.json"
)

// left is a file as a task left it.
type left struct {
	task  string
	state fingerprint.State
}

// owners is which task wrote which file of the workspace: the outputs that tasks have now.
// Several tasks may write one file, one after the other. One that removed it left it absent.
type owners struct {
	root string

	mu      sync.Mutex // guards all below
	byPath  map[string][]left
	byTask  map[string][]string
	several map[string]bool            // the paths that several tasks wrote
	after   map[string]map[string]bool // the upstream tasks of a task, as far as is known
	fresh   map[string]bool            // tasks whose files were set in this run
}

// table is the recorded form, by task.
type table map[string]row

type row struct {
	Files map[string]fingerprint.State `json:"files"`
	// After are its upstream tasks if another task wrote a path of it as well.
	After []string `json:"after,omitempty"`
}

func loadOwners(root string) *owners {
	o := &owners{root: root, byPath: map[string][]left{}, byTask: map[string][]string{}, several: map[string]bool{}, after: map[string]map[string]bool{}, fresh: map[string]bool{}}
	for task, row := range readTable(root) {
		o.setLocked(task, row.Files)
		o.after[task] = map[string]bool{}
		for _, before := range row.After {
			o.after[task][before] = true
		}
	}
	return o
}

// readTable reads the table. What cannot be read counts as empty: then files are adopted
// again, or are in the way.
func readTable(root string) (t table) {
	f, err := confined.Open(root, folder)
	if err != nil {
		return nil
	}
	defer f.Close()
	file, err := f.OpenFile(ownersFile, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer file.Close()
	if json.NewDecoder(file).Decode(&t) != nil {
		return nil
	}
	return t
}

// ownersWait is how long to wait for another run that writes the table.
const ownersWait = 5 * time.Second

// save writes the table, with what other runs have written meanwhile of other tasks.
func (o *owners) save() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.fresh) == 0 {
		return nil
	}
	f, err := confined.Make(o.root, folder)
	if err != nil {
		return err
	}
	defer f.Close()
	defer lockOwners(f)()
	all := readTable(o.root)
	if all == nil {
		all = table{}
	}
	for task := range o.fresh {
		delete(all, task)
		if files := o.filesLocked(task); len(files) > 0 {
			all[task] = row{files, o.afterLocked(task)}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return replace(f, ownersFile, text)
}

// lockOwners keeps other runs from writing the table between reading and replacing it. A
// run that hangs holds nobody up for long: at worst what it knew last is lost.
func lockOwners(f *confined.Folder) (unlock func()) {
	for end := time.Now().Add(ownersWait); ; time.Sleep(time.Millisecond) {
		unlock, err := f.TryLock(ownersFile + ".lock")
		if err == nil {
			return unlock
		}
		if !errors.Is(err, confined.ErrLocked) || time.Now().After(end) {
			return func() {}
		}
	}
}

// replace writes a file at once.
func replace(f *confined.Folder, name string, text []byte) error {
	return f.Replace(name, func(file *os.File) error {
		_, err := file.Write(text)
		return err
	})
}

// afterLocked are the upstream tasks of a task that writes over files of others. Of the rest
// nobody asks.
func (o *owners) afterLocked(task string) []string {
	for _, path := range o.byTask[task] {
		if len(o.byPath[path]) > 1 {
			return slices.Sorted(maps.Keys(o.after[task]))
		}
	}
	return nil
}

// meet notes what comes before a task.
func (o *owners) meet(t *Task) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.after[t.ID] = t.Upstream
}

// ordered reports whether one of two tasks comes before the other.
func (o *owners) ordered(a, b string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return a == b || o.after[a][b] || o.after[b][a]
}

// set notes what a task left.
func (o *owners) set(t *Task, files map[string]fingerprint.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.after[t.ID] = t.Upstream
	o.setLocked(t.ID, files)
	o.fresh[t.ID] = true
}

// keep notes that what a task left is still in place. What is known of that already is not
// written again.
func (o *owners) keep(t *Task, files map[string]fingerprint.State) {
	o.mu.Lock()
	same := len(o.afterLocked(t.ID)) == 0 && maps.Equal(o.filesLocked(t.ID), files)
	o.mu.Unlock()
	if !same {
		o.set(t, files)
	}
}

func (o *owners) setLocked(task string, files map[string]fingerprint.State) {
	for _, path := range o.byTask[task] {
		o.byPath[path] = slices.DeleteFunc(slices.Clone(o.byPath[path]), func(l left) bool { return l.task == task })
		switch len(o.byPath[path]) {
		case 0:
			delete(o.byPath, path)
		case 1:
			delete(o.several, path)
		}
	}
	o.byTask[task] = nil
	for path, state := range files {
		o.byPath[path] = append(o.byPath[path], left{task, state})
		if len(o.byPath[path]) > 1 {
			o.several[path] = true
		}
		o.byTask[task] = append(o.byTask[task], path)
	}
}

// files are what a task left, with their states.
func (o *owners) files(task string) map[string]fingerprint.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.filesLocked(task)
}

func (o *owners) filesLocked(task string) map[string]fingerprint.State {
	files := map[string]fingerprint.State{}
	for _, path := range o.byTask[task] {
		for _, l := range o.byPath[path] {
			if l.task == task {
				files[path] = l.state
			}
		}
	}
	return files
}

// of are the tasks that wrote a path.
func (o *owners) of(path string) []left {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.byPath[path])
}

// owns reports whether a task wrote a path.
func (o *owners) owns(task, path string) bool {
	return slices.ContainsFunc(o.of(path), func(l left) bool { return l.task == task })
}

// foreign reports whether a path is written by tasks, and by none that comes before t.
func (o *owners) foreign(t *Task, path string) bool {
	all := o.of(path)
	return len(all) > 0 && !slices.ContainsFunc(all, func(l left) bool { return t.Upstream[l.task] })
}

// below is what the last upstream task left of a file.
func (o *owners) below(t *Task, path string) (l left, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, other := range o.byPath[path] {
		if t.Upstream[other.task] && (!ok || o.after[other.task][l.task]) {
			l, ok = other, true
		}
	}
	return l, ok
}

// covered is what the last upstream task left of a file if t or a task after it has written
// over that: t finds it as it was before.
func (o *owners) covered(t *Task, path string) (l left, ok bool) {
	all := o.of(path)
	if len(all) < 2 || !slices.ContainsFunc(all, func(l left) bool { return o.notBefore(t, l.task) }) {
		return left{}, false
	}
	return o.below(t, path)
}

// notBefore reports whether a task is t, or comes after it.
func (o *owners) notBefore(t *Task, task string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return task == t.ID || o.after[task][t.ID]
}

// isShared reports whether several tasks wrote a path.
func (o *owners) isShared(path string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.several[path]
}

// shared are the files that several tasks wrote.
func (o *owners) shared() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.several))
}

// hidden are the names in a folder that t or a task after it removed. It is nil if they
// removed nothing there, and not the folder.
func (o *owners) hidden(t *Task, dir string) (names []string) {
	for _, name := range o.shared() {
		if name != dir && path.Dir(name) != dir {
			continue
		}
		if !slices.ContainsFunc(o.of(name), func(l left) bool { return l.state == fingerprint.Absent && o.notBefore(t, l.task) }) {
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

// over reports whether a task that comes after t left a file as it is now, over what t had
// left in the state was.
func (o *owners) over(t *Task, path string, was, now fingerprint.State) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	own, over := false, false
	for _, l := range o.byPath[path] {
		own = own || l.task == t.ID && l.state == was
		over = over || o.after[l.task][t.ID] && l.state == now
	}
	return own && over
}
