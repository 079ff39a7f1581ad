package engine

import (
	"fmt"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/memtools"
)

// modeLimits are what a mode sets where nothing is configured.
type modeLimits struct {
	ceiling   memtools.Bytes // of the budget; zero means none
	heapLimit memtools.Bytes // ceiling of each Node process's heap
}

var modes = map[event.Mode]modeLimits{
	event.Parallel: {heapLimit: 8 * memtools.GB},
	event.Managed:  {ceiling: 8 * memtools.GB, heapLimit: 8 * memtools.GB},
	event.Safe:     {heapLimit: 16 * memtools.GB},
}

// budgetFor returns what a run may use of the memory that there is, and what
// set it.
func budgetFor(mode event.Mode, c *config.Config, l memtools.Limits) (memtools.Bytes, string) {
	total, totalSource := l.Effective, l.EffectiveSource
	if l.Soft > 0 && l.Soft < total {
		total, totalSource = l.Soft, l.SoftSource // beyond it everything comes to a halt
	}
	if !c.Budget.IsZero() {
		if b := c.Budget.Of(total); b <= total {
			return b, "budget: " + c.Budget.String()
		}
		return total, fmt.Sprintf("budget: %v, which is more than there is: %s", c.Budget, totalSource)
	}
	m := modes[mode]
	reserve := min(meter.Reserve(total), total/2)
	b, source := total-reserve, fmt.Sprintf("%v less a reserve of %v, %s", total.Short(), reserve.Short(), totalSource)
	if m.ceiling > 0 && b > m.ceiling {
		return m.ceiling, fmt.Sprintf("the %s of build:managed", m.ceiling.Short())
	}
	return b, source
}

// heap is V8's old-space limit as one task gets it.
type heap struct {
	Limit memtools.Bytes
	// Set says that heapmage passes the limit; false leaves what the user set.
	Set bool
	// Fixed limits are not raised after V8 ran out of heap: they are an order.
	Fixed bool
	// Notice is a line for the user; without text there is nothing to say.
	Notice event.Notice
}

// heapRequest is what decides a task's heap limit.
type heapRequest struct {
	Budget memtools.Bytes
	// Young is what V8 adds to the limit for its young generation.
	Young memtools.Bytes
	// Ceiling is the configured limit, or the mode's.
	Ceiling memtools.Bytes
	// Package is set under packages: in heapmage.yaml; zero where it is not.
	Package memtools.Bytes
	// Learned is what the task is known to need, zero where that is not known;
	// Proven is a heap limit that it is known to need at least.
	Learned, Proven memtools.Bytes
	// Fits says that what the task takes is known and inside the budget, so that no
	// limit has to keep it there.
	Fits bool
	// User is an explicit --max-old-space-size of the environment or of a
	// settings file, zero where there is none; UserSource names it.
	User       memtools.Bytes
	UserSource string
}

// leastFuse is the smallest heap limit that is set by what was learned. Below 2 GB
// V8 lets a heap grow by less between two collections (kMaxSize of
// MemoryController::MaxGrowingFactor), and by at most half of the way to the limit
// (CalculateAllocationLimit), which costs tsc up to a sixth of its processor time and
// saves little memory.
const leastFuse = 2 * memtools.GB

// room is the largest limit whose heap the budget can bear.
func (r heapRequest) room() memtools.Bytes {
	return max(r.Budget-r.Young, r.Budget/2)
}

// most is the largest limit that may be set: above what the budget can bear only
// where the task fits it anyway.
func (r heapRequest) most() memtools.Bytes {
	if r.Fits {
		return max(r.room(), leastFuse)
	}
	return r.room()
}

// heapFor decides a task's heap limit. What the user set explicitly is kept
// unless the budget cannot bear it. Where a limit larger than the budget is
// lowered because the task might need it, one line says so.
func heapFor(r heapRequest) heap {
	h := heap{Limit: r.Ceiling, Set: true}
	source := "the ceiling"
	switch {
	case r.Package > 0:
		h.Limit, h.Fixed, source = r.Package, true, "packages: in "+config.FileName
		r.Fits = false // an order is bounded by the budget
	case r.User > 0 && r.User < r.Proven && r.Proven <= r.most():
		h.Limit = min(max(r.Proven, 2*r.Learned, leastFuse), r.Ceiling, r.most())
		h.Notice = event.Notice{Kind: event.HeapRaised,
			Text: fmt.Sprintf("Heap limit %s (%s) has been too small for it: raised to %v", r.User.Short(), r.UserSource, h.Limit)}
		return h
	case r.User > 0 && r.User <= r.Budget:
		return heap{Limit: r.User}
	case r.User > 0:
		h.Limit, source = r.User, r.UserSource
	case r.Learned > 0:
		// A fuse a little above what the task takes: one that went wild ends with
		// V8's own message, before it presses on its neighbours.
		h.Limit = min(h.Limit, max(2*r.Learned, r.Proven, leastFuse), r.most())
		return h
	}
	if h.Limit > r.Budget && r.most() <= r.Budget {
		h.Notice = event.Notice{Kind: event.HeapClamped,
			Text: fmt.Sprintf("Heap limit %s (%s) does not fit the budget of %v: clamped to %v", h.Limit.Short(), source, r.Budget, r.room())}
	}
	h.Limit = min(h.Limit, r.most())
	return h
}

// toBlame is the limit as the diagnosis of a failure sees it: what heapmage itself
// set above the budget is nothing that the user could lower.
func (h heap) toBlame(budget memtools.Bytes) memtools.Bytes {
	if h.Set && !h.Fixed {
		return min(h.Limit, budget)
	}
	return h.Limit
}

// raised returns the limit for another attempt after V8 ran out of heap, and
// whether one is worth trying: where the limit was not an order, and there is
// room to raise it by a tenth at least.
func (h heap) raised(r heapRequest) (heap, bool) {
	limit := min(r.Ceiling, r.room())
	if h.Fixed || limit < h.Limit+h.Limit/10 {
		return h, false
	}
	return heap{Limit: limit, Set: true}, true
}
