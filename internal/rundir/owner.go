package rundir

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/heapmage/heapmage/internal/confined"
)

// owner is the file that tells whose a run is, from SetOwner to Close.
const owner = "owner"

// longestOwner bounds what is read of it.
const longestOwner = 256

// SetOwner notes the process that the run belongs to, in words of package proc. A run
// that is killed leaves the note behind.
func (r *Run) SetOwner(process string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dir == nil {
		return
	}
	if f, err := r.dir.Create(owner); err == nil {
		_, err = f.WriteString(process)
		if err = errors.Join(err, f.Close()); err != nil {
			_ = r.dir.Remove(owner) // half a note would name another process
		}
	}
}

// Abandoned is a run that did not end in order.
type Abandoned struct {
	// ID is the run's, and Owner what SetOwner noted.
	ID, Owner string
	root      string
}

// FindAbandoned returns the runs in the workspace at root that were killed and have not
// been settled.
func FindAbandoned(root string) (found []Abandoned) {
	folder, err := confined.Open(root, Name+"/"+runs)
	if err != nil {
		return nil
	}
	defer folder.Close()
	entries, _ := fs.ReadDir(folder.FS(), ".") // what was read before an error is good
	for _, e := range entries {
		if !e.IsDir() || !runID.MatchString(e.Name()) {
			continue
		}
		if process, ok := abandoned(folder, e.Name()); ok {
			found = append(found, Abandoned{ID: e.Name(), Owner: process, root: root})
		}
	}
	return found
}

func abandoned(runs *confined.Folder, id string) (process string, ok bool) {
	run, err := runs.Sub(id)
	if err != nil {
		return "", false
	}
	defer run.Close()
	f, err := run.OpenFile(owner, os.O_RDONLY)
	if err != nil {
		return "", false // usually there is none: the run has ended
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, longestOwner))
	return string(text), err == nil && ended(run)
}

// Settle removes the note: nothing of the run is left.
func (a Abandoned) Settle() {
	if run, err := confined.Open(a.root, Name+"/"+runs+"/"+a.ID); err == nil {
		_ = errors.Join(run.Remove(owner), run.Close())
	}
}
