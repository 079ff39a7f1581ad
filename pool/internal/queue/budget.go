package queue

import "github.com/heapmage/heapmage/memtools"

// Load is the memory of one worker.
type Load struct {
	Busy bool
	Need memtools.Bytes // of its task; zero if unknown
	Used memtools.Bytes // as last measured
}

// Fits reports whether a task may start that needs need, on a worker that uses
// used now, beside others. The larger of need and usage counts for each worker,
// since memory is reserved before it shows. One task may always run. A budget of
// zero has no bound.
func Fits(need, used memtools.Bytes, others []Load, budget memtools.Bytes) bool {
	if budget <= 0 {
		return true
	}
	sum, busy := max(need, used), false
	for _, l := range others {
		sum += l.Used
		if l.Busy {
			busy = true
			sum += max(0, l.Need-l.Used)
		}
	}
	return !busy || sum <= budget
}
