package ownership

import (
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// name is the file in which the table is kept.
const name = "owners.json"

// record is a table as it is kept, by task.
type record map[string]row

type row struct {
	Files map[string]fingerprint.State `json:"files"`
	// After are its upstream tasks if another task wrote a path of it as well.
	After []string `json:"after,omitempty"`
}

// Load reads the table that is kept in a folder of the workspace at root, which is named with
// slashes. One that is missing or damaged counts as empty.
func Load(root, folder string) *Table {
	t := &Table{root: root, folder: folder, byPath: map[string][]Left{}, byTask: map[string][]string{}, several: map[string]bool{}, after: map[string]map[string]bool{}, fresh: map[string]bool{}}
	for task, row := range readRecord(root, folder) {
		t.setLocked(task, row.Files)
		t.after[task] = map[string]bool{}
		for _, before := range row.After {
			t.after[task][before] = true
		}
	}
	return t
}

// readRecord reads what is kept. What cannot be read counts as empty: then files are adopted
// again, or are in the way.
func readRecord(root, folder string) (all record) {
	f, err := confined.Open(root, folder)
	if err != nil {
		return nil
	}
	defer f.Close()
	file, err := f.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer file.Close()
	if json.NewDecoder(file).Decode(&all) != nil {
		return nil
	}
	return all
}

// wait is how long to wait for another run that writes the table.
const wait = 5 * time.Second

// Save writes what was set since the table was loaded, beside what other runs have written
// meanwhile of other tasks. If nothing was set, it writes nothing.
func (t *Table) Save() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.fresh) == 0 {
		return nil
	}
	f, err := confined.Make(t.root, t.folder)
	if err != nil {
		return err
	}
	defer f.Close()
	defer lock(f)()
	all := readRecord(t.root, t.folder)
	if all == nil {
		all = record{}
	}
	for task := range t.fresh {
		delete(all, task)
		if files := t.filesLocked(task); len(files) > 0 {
			all[task] = row{files, t.afterLocked(task)}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return f.Replace(name, func(file *os.File) error {
		_, err := file.Write(text)
		return err
	})
}

// lock keeps other runs from writing the table between reading and replacing it. A
// run that hangs holds nobody up for long: at worst what it knew last is lost.
func lock(f *confined.Folder) (unlock func()) {
	for end := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		unlock, err := f.TryLock(name + ".lock")
		if err == nil {
			return unlock
		}
		if !errors.Is(err, confined.ErrLocked) || time.Now().After(end) {
			return func() {}
		}
	}
}
