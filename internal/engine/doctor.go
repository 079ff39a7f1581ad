package engine

import (
	"context"

	"github.com/heapmage/heapmage/internal/doctor"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/memtools"
)

// Doctor prints what is wrong with the set-up and how to fix it. If there is a problem that
// is not fixed, the error has exit code 1.
func Doctor(ctx context.Context, o doctor.Options) error {
	p, err := place.Open("", event.Parallel)
	if err != nil {
		return err
	}
	found := o.Examine(doctor.Gather(ctx, doctor.Setup{
		Workspace: p.Workspace, Packages: p.Workspace.All(), Environ: p.Environ, Limits: p.Limits, Budget: p.MaxBudget, MoreRoom: p.MoreRoom,
		Runs: plan.Runs(p.Setting()),
		HeapLimit: func(young memtools.Bytes) memtools.Bytes {
			return heap.For(heap.Request{Budget: p.MaxBudget, Young: young, Ceiling: p.HeapCeiling()}).Size
		},
	}))
	if err := report.Print(ctx, p.Environ, func(out *report.Console) error { return found.Write(out) }); err != nil {
		return err
	}
	return found.Err()
}
