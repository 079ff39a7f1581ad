package rundir

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/heapmage/heapmage/internal/confined"
)

// Recorded returns the IDs of the runs of the workspace at root that have a record, the newest
// first.
func Recorded(root string) (ids []string) {
	folder, err := confined.Open(root, Name+"/"+runs)
	if err != nil {
		return nil
	}
	defer folder.Close()
	entries, _ := fs.ReadDir(folder.FS(), ".") // what was read before an error is good
	for _, e := range slices.Backward(entries) {
		if !e.IsDir() || !runID.MatchString(e.Name()) {
			continue
		}
		if record, err := folder.Lstat(e.Name() + "/" + events); err == nil && record.Mode().IsRegular() {
			ids = append(ids, e.Name())
		}
	}
	return ids
}

// OpenRecord opens the record of a run, one of Recorded.
func OpenRecord(root, id string) (*os.File, error) {
	folder, err := confined.Open(root, Name+"/"+runs+"/"+id)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.OpenFile(events, os.O_RDONLY)
}

// Add writes a file about a run, one of Recorded, into the run's folder, with which it is pruned.
// It replaces one of the same name, also while another process does, and returns the path from root.
func Add(root, id, name string, write func(*os.File) error) (shown string, err error) {
	folder, err := confined.Open(root, Name+"/"+runs+"/"+id)
	if err != nil {
		return "", err
	}
	defer folder.Close()
	draft := fmt.Sprintf("%s.%016x.new", name, rand.Uint64())
	return filepath.Join(Name, runs, id, name), folder.ReplaceBy(draft, name, write)
}
