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
		info, gone := r.files.Lstat(rel)
		switch {
		case gone != nil, own[rel] == fingerprint.Absent, len(r.owners.Of(rel)) > 1, r.isTracked(ctx, rel):
		case !info.IsDir() && r.digests.Content(r.abs(rel)) != own[rel]:
		default:
			if failed := r.files.Remove(rel); failed != nil && !info.IsDir() && !errors.Is(failed, fs.ErrNotExist) {
				err = errors.Join(err, failed)
			}
		}
	}
	return err
}
