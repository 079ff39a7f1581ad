//go:build unix

package proc

import (
	"sync"

	"github.com/heapmage/heapmage/internal/proctable"
)

// Foreign is the tree of a process that others started, such as a script of another task
// runner: the process and all its descendants. If this process is killed while the tree is
// suspended, the reaper lets it go on. It is safe for concurrent use.
type Foreign struct {
	tree *tree

	mu   sync.Mutex
	ward *ward // at the reaper while the tree is suspended; nil otherwise
}

// Adopt returns the tree of a process. It starts and signals nothing.
func Adopt(leader proctable.Identity) *Foreign {
	return &Foreign{tree: &tree{proctable.Root{Leader: leader}}}
}

// Suspend freezes the tree, which keeps its memory; also what was continued by others since.
func (f *Foreign) Suspend() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ward == nil {
		f.ward = theReaper.watch(f.tree.Root, true)
	}
	return f.tree.suspend()
}

// Resume lets the tree go on, if it is suspended.
func (f *Foreign) Resume() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ward == nil {
		return nil
	}
	err := f.tree.resume()
	theReaper.forget(f.ward)
	f.ward = nil
	return err
}

// Kill ends the tree at once. Processes that are forked meanwhile are found again, as long as
// their parent lives.
func (f *Foreign) Kill() {
	for range 3 {
		if f.tree.kill(proctable.Attached) == 0 {
			return
		}
	}
}
