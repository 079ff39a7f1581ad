package cachedtask

import (
	"context"

	"github.com/heapmage/heapmage/internal/taskenv"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/unobserved"
)

// Kept is a task of a run whose result is kept, and what came of it so far.
type Kept struct {
	*Task
	Reason string            // why it has to run
	Unseen bool              // it must not be observed
	Watch  *unobserved.Watch // what there was before it; nil if it is observed
	Answer taskenv.Answer    // the variables that it gets, once that is decided
}

// Kept is a task whose result is kept, the same one each time; nil if it is not. ours are
// folders of heapmage itself. No two goroutines may ask for one task at once.
func (k *Tasks) Kept(ctx context.Context, t *taskgraph.Task, ours []string) *Kept {
	if k.notKept(t) != "" {
		return nil
	}
	k.mu.Lock()
	kept := k.kept[t.ID]
	k.mu.Unlock()
	if kept != nil {
		return kept
	}
	kept = &Kept{Task: k.of(ctx, t)} // unlocked, as it may take a while
	kept.Ours = ours
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept[t.ID] = kept
	return kept
}

// Drop lets go of what is known of a task that has ended: all of them together would take more
// memory than anything else of a run.
func (k *Tasks) Drop(t *taskgraph.Task) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.kept, t.ID)
}

// Unasked reports whether the result of a task may be known: it is kept, and Kept has not been
// asked for it.
func (k *Tasks) Unasked(t *taskgraph.Task) bool {
	if k.notKept(t) != "" {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept[t.ID] == nil
}
