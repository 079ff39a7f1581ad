package elder

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// mostMarks is how many are looked at: anyone may make more.
const mostMarks = 1000

// settled is the age from which a folder's time of change tells all changes: file systems tell
// it in steps.
const settled = time.Second

// folder is one that marks are in.
type folder struct {
	*os.Root
	// changed is its time of change when found was; zero if it may have changed since.
	changed time.Time
	// found are the marks of processes that were there then, but ours. Those of processes that
	// have ended never count again.
	found []mark
}

// others returns the marks of other processes. A folder that has not changed is not read again.
func (f *folder) others(now time.Time, own string) []mark {
	info, err := f.Stat(".")
	if err == nil && !f.changed.IsZero() && info.ModTime().Equal(f.changed) {
		return f.found
	}
	f.changed, f.found = time.Time{}, nil
	entries, failed := f.list()
	for _, e := range entries {
		if m, ok := parse(e.Name()); ok && m.name != own && m.exists() {
			f.found = append(f.found, m)
		}
	}
	if err == nil && failed == nil && now.Sub(info.ModTime()) > settled {
		f.changed = info.ModTime()
	}
	return f.found
}

// list returns the entries of the folder. Those that it returns with an error are good.
func (f *folder) list() ([]fs.DirEntry, error) {
	dir, err := f.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(mostMarks)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return entries, err
}
