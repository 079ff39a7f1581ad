package engine

import (
	"context"
	"fmt"

	"github.com/heapmage/heapmage/internal/doctor"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/memtools"
)

// Diagnosis is how the doctor works.
type Diagnosis struct {
	// JSON prints the findings for programs.
	JSON bool
	// All prints also those about scripts that no target runs.
	All bool
	// Fix does what is safe about those that are printed.
	Fix bool
}

// Doctor prints what is wrong with the set-up and how to fix it. If there is a problem that
// is not fixed, the error has exit code 1.
func Doctor(ctx context.Context, d Diagnosis) error {
	p, err := open("", event.Parallel)
	if err != nil {
		return err
	}
	findings := doctor.Examine(doctor.Gather(ctx, doctor.Setup{
		Workspace: p.ws, Packages: p.ws.All(), Environ: p.environ, Limits: p.limits, Budget: p.maxBudget,
		Runs: plan.Runs(p.setting()),
		HeapLimit: func(young memtools.Bytes) memtools.Bytes {
			return heap.For(heap.Request{Budget: p.maxBudget, Young: young, Ceiling: p.heapCeiling()}).Size
		},
	}))
	leftOut := 0
	if !d.All {
		findings, leftOut = doctor.InUse(findings)
	}
	if d.Fix {
		doctor.Fix(findings)
	}
	write := func(out *report.Console) error { return doctor.WriteText(out, findings, leftOut) }
	if d.JSON {
		write = func(out *report.Console) error { return doctor.WriteJSON(out, findings) }
	}
	if err := report.Print(ctx, p.environ, write); err != nil {
		return err
	}
	if n := doctor.Problems(findings); n > 0 {
		return &problem.Error{What: fmt.Sprintf("%d of %d findings are problems", n, len(findings)), Code: problem.ExitFailed}
	}
	return nil
}
