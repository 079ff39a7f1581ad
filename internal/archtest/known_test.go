package archtest

import (
	"slices"
	"testing"
)

// What the guards found when they came, and has not been put right yet. Each
// list may only become shorter: an entry that is no longer found fails.
var (
	knownSizes   = []string{}
	knownExports = []string{
		"internal/budget.Reserve is exported and has no caller outside its package",
		"internal/engine.Worker.Do is exported and has no caller outside its package",
		"internal/environ.PathExt is exported and has no caller",
		"internal/heap.Collector.Collect is exported and has no caller outside its package",
		"internal/proc.DefaultLadder is exported and has no caller outside its package",
		"internal/proc.Result.Ended is exported and has no caller",
		"internal/proc.Result.Started is exported and has no caller",
		"internal/schedule.Done is exported and has no caller",
		"internal/script.Step.Event is exported and has no caller",
		"internal/tally.State.Bound is exported and has no caller outside its package",
		"internal/tally.State.Exit is exported and has no caller outside its package",
		"internal/workspace.Edge.Spec is exported and has no caller",
		"internal/workspace.Package.Private is exported and has no caller",
		"mage/buildworker.Data is exported and has no caller",
		"mage/buildworker.Open is exported and has no caller",
		"mage/buildworker.Result is exported and has no caller",
		"mage/buildworker.Worker.Program is exported and has no caller",
	}
)

// report fails for each fault that is not known, and for each known one that is
// no longer there.
func report(t *testing.T, faults, known []string) {
	t.Helper()
	slices.Sort(faults)
	for _, fault := range faults {
		if !slices.Contains(known, fault) {
			t.Error(fault)
		}
	}
	for _, fault := range known {
		if !slices.Contains(faults, fault) {
			t.Errorf("put right: remove it from the known faults: %s", fault)
		}
	}
}
