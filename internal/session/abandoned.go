package session

import (
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/rundir"
)

// EndAbandoned ends what runs in the workspace at root left that were killed together
// with their reaper.
func EndAbandoned(root string) {
	for _, run := range rundir.FindAbandoned(root) {
		if proc.EndRun(run.ID, run.Owner) {
			run.Settle()
		}
	}
}
