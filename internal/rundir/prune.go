package rundir

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/confined"
)

// kept is how many runs are kept. Older ones are removed when a run starts.
const kept = 20

// runID is the form of the ids of runs, and so of the folders that are pruned.
var runID = regexp.MustCompile(`^[0-9a-f]{24}$`)

// prune removes the oldest runs, so that with own no more than kept are left. It
// removes neither own nor a run that still lasts: a long run may be beside, or
// around, many short ones. What is not a run of ours, or cannot be removed, stays.
func prune(root, own string) {
	folder, err := confined.Open(root, Name+"/"+runs)
	if err != nil {
		return
	}
	defer folder.Close()
	entries, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return !e.IsDir() || e.Name() == own || !runID.MatchString(e.Name())
	})
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(b.Name(), a.Name()) })
	for _, e := range entries[min(kept-1, len(entries)):] {
		if superseded(folder, e.Name()) {
			_ = folder.RemoveAll(e.Name())
		}
	}
}

// superseded reports whether a folder is that of a run that has ended.
func superseded(runs *confined.Folder, id string) bool {
	run, err := runs.Sub(id)
	if err != nil {
		return false
	}
	defer run.Close()
	record, noRecord := run.Lstat(events)
	output, noOutput := run.Lstat(logs)
	if (noRecord != nil || !record.Mode().IsRegular()) && (noOutput != nil || !output.IsDir()) {
		return false
	}
	return ended(run)
}

// ended reports whether the run of a folder is over, however it ended.
func ended(run *confined.Folder) bool {
	dir, err := run.Root.Open(".")
	if err != nil {
		return false
	}
	defer dir.Close()
	return !inUse(dir)
}
