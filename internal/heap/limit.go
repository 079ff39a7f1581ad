// Package heap decides the heap limits of a run's processes and when garbage is
// collected in them. A heap limit is a fuse, not a way to save memory: a program that
// runs wild ends with V8's own message before its neighbours suffer. All decisions are
// functions of values; only the Collector acts.
package heap

import (
	"fmt"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// Limit is V8's old-space limit for the Node processes of one task.
type Limit struct {
	Size memtools.Bytes
	// Set is true if heapmage passes the limit on, false if the user's own stands.
	Set bool
	// Fixed is true if the user set the limit for this package: it is not raised after
	// V8 ran out of heap.
	Fixed bool
	// Notice is a line for the user. Empty text means none.
	Notice event.Notice
}

// Request is what decides a task's heap limit.
type Request struct {
	// Budget is the most that the whole run may use.
	Budget memtools.Bytes
	// Young is what V8 adds to the limit for its young generation.
	Young memtools.Bytes
	// Ceiling is the configured limit, or the mode's.
	Ceiling memtools.Bytes
	// Package is the limit under packages: in heapmage.yaml, zero if there is none.
	Package memtools.Bytes
	// Learned is what the task is known to need, and Proven a heap limit that it is
	// known to need at least; zero if unknown.
	Learned, Proven memtools.Bytes
	// MayExceedBudget is set if the task's peak is known and fits the budget, and
	// garbage is collected if the task grows beyond that.
	MayExceedBudget bool
	// User is an explicit --max-old-space-size of the environment or of a settings
	// file, zero if there is none; UserSource names it.
	User       memtools.Bytes
	UserSource string
}

// minLearned is the smallest heap limit that follows from what was learned. Below
// 2 GB, V8 lets a heap grow by less between two collections (kMaxSize of
// MemoryController::MaxGrowingFactor), and by at most half of the way to the limit
// (CalculateAllocationLimit). That costs tsc up to a sixth of its processor time and
// saves little memory.
const minLearned = 2 * memtools.GB

// room is the largest limit whose heap fits the budget.
func (r Request) room() memtools.Bytes { return max(r.Budget-r.Young, r.Budget/2) }

// most is the largest limit that may be set.
func (r Request) most() memtools.Bytes {
	if r.MayExceedBudget {
		return max(r.room(), minLearned)
	}
	return r.room()
}

// For decides a task's heap limit. The user's explicit limit is kept if it fits the
// budget. If a limit above the budget is lowered although the task might need it, the
// notice reports that.
func For(r Request) Limit {
	l := Limit{Size: r.Ceiling, Set: true}
	source := "the ceiling"
	switch {
	case r.Package > 0:
		l.Size, l.Fixed, source = r.Package, true, "packages: in "+config.FileName
		r.MayExceedBudget = false // a fixed limit stays inside the budget
	case r.User > 0 && r.User < r.Proven && r.Proven <= r.most():
		l.Size = min(max(r.Proven, 2*r.Learned, minLearned), r.Ceiling, r.most())
		l.Notice = event.Notice{Kind: event.HeapRaised,
			Text: fmt.Sprintf("Heap limit %s (%s) was too small before: raised to %v", r.User.Short(), r.UserSource, l.Size)}
		return l
	case r.User > 0 && r.User <= r.Budget:
		return Limit{Size: r.User}
	case r.User > 0:
		l.Size, source = r.User, r.UserSource
	case r.Learned > 0:
		l.Size = min(l.Size, max(2*r.Learned, r.Proven, minLearned), r.most())
		return l
	}
	if l.Size > r.Budget && r.most() <= r.Budget {
		l.Notice = event.Notice{Kind: event.HeapClamped,
			Text: fmt.Sprintf("Heap limit %s (%s) does not fit the budget of %v: clamped to %v", l.Size.Short(), source, r.Budget, r.room())}
	}
	l.Size = min(l.Size, r.most())
	return l
}

// Diagnosed is the limit that a failure's diagnosis may name: the user cannot lower
// what heapmage itself set above the budget.
func (l Limit) Diagnosed(budget memtools.Bytes) memtools.Bytes {
	if l.Set && !l.Fixed {
		return min(l.Size, budget)
	}
	return l.Size
}

// NodeDefault is the old-space limit that Node sets itself on a 64-bit machine or in a
// cgroup with so much memory: half of it, at most 2 GB, or 4 GB from 15 GB on
// (Heap::HeapSizeFromPhysicalMemory, Heap::MaxOldGenerationSizeFromPhysicalMemory).
func NodeDefault(memory memtools.Bytes) memtools.Bytes {
	if memory >= 15*memtools.GB {
		return min(memory/2, 4*memtools.GB)
	}
	return min(memory/2, 2*memtools.GB)
}

// Unneeded reports whether the limit of a first attempt may be left to Node, whose own is
// not smaller and fits the budget: a fuse a little larger is one as well. Then nothing is
// preloaded, which a limit of ours needs so that worker threads keep theirs.
func (l Limit) Unneeded(nodeDefault, budget memtools.Bytes) bool {
	return l.Set && !l.Fixed && l.Notice.Text == "" && l.Size <= nodeDefault && nodeDefault <= budget
}
