package engine

import (
	"context"
	"fmt"

	"github.com/heapmage/heapmage/internal/doctor"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/memtools"
)

// Doctor prints what is wrong with the set-up and how to fix it, as text or as
// JSON. If there is a problem, the error has exit code 1.
func Doctor(ctx context.Context, asJSON bool) error {
	p, err := open("", event.Parallel)
	if err != nil {
		return err
	}
	findings := doctor.Examine(doctor.Gather(ctx, doctor.Setup{
		Workspace: p.ws, Packages: p.ws.All(), Environ: p.environ, Limits: p.limits, Budget: p.maxBudget,
		HeapLimit: func(young memtools.Bytes) memtools.Bytes {
			return heap.For(heap.Request{Budget: p.maxBudget, Young: young, Ceiling: p.heapCeiling()}).Size
		},
	}))
	write := doctor.WriteText
	if asJSON {
		write = doctor.WriteJSON
	}
	if err := report.Print(ctx, p.environ, func(out *report.Console) error { return write(out, findings) }); err != nil {
		return err
	}
	if n := doctor.Problems(findings); n > 0 {
		return &problem.Error{What: fmt.Sprintf("%d of %d findings are problems", n, len(findings)), Code: problem.ExitFailed}
	}
	return nil
}
