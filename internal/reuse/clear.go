package reuse

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// Clear removes what a task left earlier, so that it finds nothing of that. What another task
// has written over, what was changed since, and what is under version control stays. The
// error is about a file that cannot be removed.
func (r *Results) Clear(ctx context.Context, t *Task) (err error) {
	own := r.owners.Files(t.ID)
	for _, rel := range slices.Backward(slices.Sorted(maps.Keys(own))) { // what is in a folder comes first
		if own[rel] == fingerprint.Absent || len(r.owners.Of(rel)) > 1 {
			continue
		}
		isDir, still := r.isStill(ctx, rel, own[rel])
		if !still {
			continue
		}
		if failed := r.files.Remove(rel); failed != nil && !isDir && !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// isStill reports whether what a task left in a state is there as it left it. What is not, or
// is under version control, is the user's now. isDir tells that it is a folder.
func (r *Results) isStill(ctx context.Context, rel string, state fingerprint.State) (isDir, still bool) {
	info, err := r.files.Lstat(rel)
	if err != nil {
		return false, false
	}
	return info.IsDir(), (info.IsDir() || r.digests.Content(r.abs(rel)) == state) && !r.isTracked(ctx, rel)
}
