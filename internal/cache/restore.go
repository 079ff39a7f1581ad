package cache

import (
	"context"
	"errors"
	"io"

	"github.com/heapmage/heapmage/internal/filetree"
)

// Restore puts the files of an entry back. Everything is checked first: that all may be
// written, and every byte of the blob, which is not read if no content has to be written. A
// *Miss means that nothing was touched. Any other error is about writing, or that of the
// context: some files may be in place by then, each of them whole and right, and the task
// has to run.
func (s *Store) Restore(ctx context.Context, e *Entry, to filetree.Target) (filetree.Result, error) {
	plan, err := filetree.NewPlan(e.Files, to)
	if r := (*filetree.Refusal)(nil); errors.As(err, &r) {
		return filetree.Result{}, miss(refusals[r.Why], r.Path, r.Err)
	}
	if err != nil {
		return filetree.Result{}, err
	}
	defer plan.Close()
	if !plan.NeedsContent() {
		return plan.Do(nil)
	}
	b, done, err := s.proven(ctx, e, false)
	if err != nil {
		return filetree.Result{}, err
	}
	defer done()
	return plan.Do(func(take filetree.Take) error {
		return b.read(ctx, false, func(f *filetree.File, from io.Reader) error {
			if f == nil {
				return nil // the log
			}
			return take(f, func(to io.Writer) error { return b.copy(to, f, from) })
		})
	})
}
