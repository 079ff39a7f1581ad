package engine

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Plan prints what a request would run, in order, with the limits; it starts
// and writes nothing.
func Plan(ctx context.Context, request Request) error {
	p, planned, err := prepareRun(ctx, request)
	if err != nil {
		return err
	}
	way := "one at a time"
	switch n := p.slots(); {
	case n == 0:
		way = "as many at once as fit"
	case n > 1:
		way = fmt.Sprintf("at most %d at once", n)
	}
	fmt.Printf("Plan of %s: %s, %s\n", planned.Target, report.Plural(len(planned.Graph.Tasks), "task"), way)
	fmt.Printf("Workspace: %s (%s)\n", p.ws.Root, p.ws.Manager)
	fmt.Printf("Budget: %v (%s)\n\n", p.maxBudget, p.budgetSource)
	console := report.NewConsole(os.Stdout, colour(p.environ, os.Stdout), report.Held)
	for _, n := range p.notices {
		console.Take(event.Stamped{Event: n}, &tally.State{})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tNEED\tKNOWN FROM\tTIME\tHEAP LIMIT\tSCRIPT\tAFTER")
	for _, t := range planned.Graph.Tasks {
		known := p.predict(t)
		limit := "-"
		if p.isNode() {
			limit = heap.For(p.heapRequest(t, known)).Size.String()
		}
		length := "?"
		if known.Length > 0 {
			length = fmt.Sprintf("%.2fs", known.Length.Seconds())
		}
		after := ""
		for i, a := range t.After {
			if i > 0 {
				after += ", "
			}
			after += a.ID
		}
		fmt.Fprintf(w, "%s\t%v\t%s\t%s\t%s\t%s\t%s\n", t.ID, known.Need, known.Basis, length, limit, t.Package.Scripts[t.Script], after)
	}
	return w.Flush()
}

// Stats prints the memory of this machine, its limits, this process's own, and
// what each mode may use.
func Stats(context.Context) error {
	l, err := memtools.ReadLimits()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "💾 Memory of this machine\t%v\n", l.Machine)
	fmt.Fprintf(w, "   swap\t%v\n", l.Swap)
	fmt.Fprintf(w, "   limit that counts\t%v\t%s\n", l.Effective, l.EffectiveSource)
	fmt.Fprintf(w, "   available now\t%v\n", l.Available)
	if l.CPUQuota > 0 {
		fmt.Fprintf(w, "   processor quota\t%.2f cores\n", l.CPUQuota)
	}
	fmt.Fprintf(w, "🔧 This process\t%s\n", memtools.FormatUsage())
	c := &config.Config{}
	if dir, err := os.Getwd(); err == nil {
		if ws, err := workspace.Load(dir); err == nil {
			if c, err = config.Load(ws.Root, os.Environ()); err != nil {
				return err
			}
		}
	}
	for _, m := range []struct {
		name string
		mode event.Mode
	}{{"build", event.Parallel}, {"build:managed", event.Managed}, {"build:safe", event.Safe}} {
		most, source := budget.Max(m.mode, c.Budget, l)
		fmt.Fprintf(w, "📦 Budget of %s\t%v\t%s\n", m.name, most, source)
	}
	return w.Flush()
}
