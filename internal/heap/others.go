package heap

import (
	"fmt"

	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// mostKills is how often the kernel may kill a task for memory that other programs hold
// before that counts as a failure.
const mostKills = 3

// RetryForOthers returns the outcome of an attempt that the kernel killed because of
// memory that other programs hold: once more, when they leave room. Otherwise the result
// is Failed. now is the memory after its end, peak what it used.
func RetryForOthers(cause oom.Cause, peak memtools.Bytes, now schedule.Memory, before []schedule.Outcome) (o schedule.Outcome, text string) {
	kills := 1
	for _, b := range before {
		if b.ForOthers {
			kills++
		}
	}
	killed := cause == oom.KernelOOM || cause == oom.KernelOOMSuspected
	if !killed || kills > mostKills || !now.Crowded() || peak > now.Most-now.Most/4 {
		return schedule.Outcome{Result: schedule.Failed, Cause: cause}, ""
	}
	return schedule.Outcome{Result: schedule.Again, ForOthers: true, Need: peak + peak/4, Cause: cause},
		fmt.Sprintf("other programs held %v of the memory: trying again once there is room", now.Most-now.Budget)
}
