package heap

import (
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// smallTask is the peak up to which a task of known need does without the agent. So
// small a heap has little garbage, and the agent costs about 8 MB and 60 ms of
// processor time in each Node process.
const smallTask = 300 * memtools.MB

// WantsAgent decides whether the agent is loaded into a task's Node processes. A task
// of known need does without it if memory cannot get short even when all tasks that may
// run at once are of its size. A need of zero means unknown.
func WantsAgent(need memtools.Bytes, atOnce int, budget memtools.Bytes) bool {
	return need == 0 || need > smallTask+smallTask/10 && need*memtools.Bytes(atOnce) > budget/2
}

const (
	// enoughSimilar is how many similar packages it takes to believe that one that never
	// ran is no larger, and unproven what it may need until then.
	enoughSimilar = 3
	unproven      = memtools.GB
)

// Learned is the need for WantsAgent to go by: the one that the task's own earlier runs
// showed, or twice that of similar packages, since one in ten needs more than they do; zero
// if neither is known. So the first run of many small packages pays for the agent only
// in the first few.
func Learned(known estimate.Prediction) memtools.Bytes {
	switch {
	case known.Basis == estimate.FromHistory:
		return known.Need
	case known.Basis != estimate.FromSimilar:
		return 0
	case known.Samples < enoughSimilar:
		return max(2*known.Need, unproven)
	default:
		return 2 * known.Need
	}
}

// GoLimit returns GOMEMLIMIT for the Go programs of a run (esbuild, TypeScript 7). It is
// below the warning threshold, so their collectors work harder before memory gets
// short. It is a soft limit: it never makes a program fail.
func GoLimit(budget memtools.Bytes) memtools.Bytes { return budget * 7 / 10 }
