package heap

import "github.com/heapmage/heapmage/memtools"

// smallTask is the peak up to which the agent is not worth its cost for a task of
// known need: about 8 MB and 60 ms of processor time for each Node process, for a
// heap that has little garbage.
const smallTask = 300 * memtools.MB

// WantsAgent decides whether the agent is loaded into a task's Node processes. A task
// of known need does without if memory cannot get short even with as many tasks of
// its size as may run at once. A need of zero is unknown.
func WantsAgent(need memtools.Bytes, atOnce int, budget memtools.Bytes) bool {
	return need == 0 || need > smallTask+smallTask/10 && need*memtools.Bytes(atOnce) > budget/2
}

// GoLimit is GOMEMLIMIT for the Go programs of a run (esbuild, TypeScript 7): their
// collector works harder from there on, below the warning threshold. It is a soft
// limit: it never makes a program fail.
func GoLimit(budget memtools.Bytes) memtools.Bytes { return budget * 7 / 10 }
