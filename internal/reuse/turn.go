package reuse

import (
	"context"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/turns"
)

// turn is a task that runs. Another run of heapmage may have it at the same time, in the same
// workspace: then what is there at the end may be the half of the other one.
type turn struct {
	*turns.Turn
	failed error // why there is none
}

// Begin notes that a task runs, until end is called. Its result is kept if no other run has the
// same task meanwhile.
func (r *Results) Begin(t *Task) (end func()) {
	begun, err := r.turns.Begin(t.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[t.ID] = turn{begun, err}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.running, t.ID)
		if err == nil {
			begun.End()
		}
	}
}

// disturbed is why it is not known whether a task that runs is the only one of its kind; empty
// if it is.
func (r *Results) disturbed(t *Task) string {
	r.mu.Lock()
	running, ok := r.running[t.ID]
	r.mu.Unlock()
	switch {
	case !ok: // nobody wants to know
		return ""
	case running.failed != nil:
		return cache.Unwritten(running.failed).Error()
	case !running.Alone():
		return "another run had the same task at the same time, or the cache was removed"
	}
	return ""
}

// put puts what an entry lists in place. A run that has the task meanwhile must know.
func (r *Results) put(ctx context.Context, task string, e *cache.Entry, to filetree.Target) (filetree.Result, error) {
	if begun, err := r.turns.Begin(task); err == nil { // otherwise nothing can be kept
		defer begun.End()
	}
	return r.cache.Restore(ctx, e, to)
}
