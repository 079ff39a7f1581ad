package archtest

import (
	"slices"
	"testing"
)

// What the guards found when they came, and has not been put right yet. Each
// list may only become shorter: an entry that is no longer found fails.
var (
	knownSizes   = []string{}
	knownExports = []string{}
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
