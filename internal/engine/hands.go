package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
)

// errLast ends the last attempt that runs, because the kernel is about to: no
// other can make room.
var errLast = fmt.Errorf("%w: nothing else could make room", runner.ErrPressure)

// hands act on the tasks that run, as the scheduler wants.
type hands struct {
	*run
	ctx   context.Context
	tasks map[string]*taskgraph.Task
}

// start begins an attempt that exec runs.
func (h hands) start(exec func(context.Context, schedule.Grant) schedule.Outcome) schedule.Starter {
	return func(ctx context.Context, g schedule.Grant) schedule.Attempt {
		h.Begin(g.ID)
		done := make(chan schedule.Outcome, 1)
		go func() { done <- exec(ctx, g) }()
		return hand{h, g.ID, done}
	}
}

// hand is one running attempt.
type hand struct {
	hands
	id   string
	done chan schedule.Outcome
}

func (h hand) Freeze()                       { h.hands.Freeze(h.id) }
func (h hand) Thaw()                         { h.hands.Thaw(h.id) }
func (h hand) Stop(final bool)               { h.hands.Stop(h.id, final) }
func (h hand) Done() <-chan schedule.Outcome { return h.done }

func (h hands) Begin(id string) {
	h.runner.Expect(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active[id] = &active{}
}

func (h hands) Freeze(id string) {
	h.runner.Freeze(id)
	h.pauses++
	h.corrected(id, event.Paused)
}

func (h hands) Thaw(id string) {
	h.runner.Thaw(id)
	h.corrected(id, event.Resumed)
}

func (h hands) corrected(id string, action event.CorrectionAction) {
	now := h.meter.Last()
	h.events.Emit(event.Correction{Task: h.describe(h.tasks[id]), Action: action,
		Held: now.Trees[h.id+"/"+id], Usage: now.Usage, Budget: now.Budget, Available: now.Available})
}

func (h hands) Stop(id string, final bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	why := error(runner.ErrPressure)
	if final {
		why = errLast
	}
	switch a := h.active[id]; {
	case a == nil: // it has ended
	case a.stop == nil: // it begins just now
		a.stopped = why
	default:
		a.stop(why)
	}
}

func (h hands) Collect() {
	if h.gc != nil {
		h.gc.Short(h.ctx)
	}
}

// measured is the last measurement as the scheduler reads it.
func (r *run) measured() schedule.Memory {
	now := r.meter.Last()
	m := schedule.Memory{Time: now.Time, Usage: now.Usage, Rest: now.Rest, Budget: now.Budget, Available: now.Available,
		Tasks: make(map[string]memtools.Bytes, len(now.Trees))}
	for id, usage := range now.Trees {
		if task, ok := strings.CutPrefix(id, r.id+"/"); ok {
			m.Tasks[task] = usage
		}
	}
	return m
}

// follow notes the usage of each attempt, and adds up what is reserved and not used.
func (r *run) follow(now meter.Reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	over := 0.0
	if !r.lastSample.IsZero() {
		over = now.Time.Sub(r.lastSample).Seconds()
	}
	r.lastSample = now.Time
	for id, a := range r.active {
		usage := now.Trees[r.id+"/"+id]
		r.unused += float64(max(0, a.need-usage)) * over
		a.curve.add(usage)
	}
}
