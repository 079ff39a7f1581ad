package session

import (
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/taskcgroup"
)

// EndAbandoned ends what runs in the workspace at root left that were killed together
// with their reaper.
func EndAbandoned(root string) {
	for _, run := range rundir.FindAbandoned(root) {
		if proc.EndRun(run.ID, run.Owner) {
			taskcgroup.RemoveAbandoned(run.ID)
			run.Settle()
		}
	}
}
