package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Plan prints what a request would run, in order, with the limits, and with explain
// what each task was declared to be, by which file. It starts no script and writes
// nothing.
func Plan(ctx context.Context, request Request, explain bool) error {
	p, planned, err := prepareRun(ctx, request, true)
	if err != nil {
		return err
	}
	if planned.Unaffected != "" {
		return report.Say(ctx, p.environ, event.Notice{Kind: event.NothingToDo, Text: planned.Unaffected})
	}
	forecast, err := p.forecast(ctx, planned)
	if err != nil {
		return err
	}
	return report.Print(ctx, p.environ, func(out *report.Console) error {
		if err := p.print(out, planned, forecast); err != nil || !explain {
			return err
		}
		return planned.Explain(out, p.unobserved() == "", func(t *taskgraph.Task) (results []string) {
			if forecast != nil {
				results = []string{cachedtask.Outlook(forecast.Of(t))}
			}
			return results
		})
	})
}

// print writes the plan.
func (p *prepared) print(out *report.Console, planned *plan.Plan, forecast *cachedtask.Forecast) error {
	fmt.Fprintf(out, "Plan of %s: %s, %s\n", planned.Target, report.Plural(len(planned.Graph.Tasks), "task"), concurrencyText(p.slots()))
	fmt.Fprintf(out, "Workspace: %s (%s)\n", printable.Text(p.ws.Root), p.ws.Manager)
	fmt.Fprintf(out, "Budget: %v (%s)\n\n", p.maxBudget, p.budgetSource)
	for _, n := range p.notices {
		out.Take(event.Stamped{Event: n}, &tally.State{})
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	head := []string{"TASK", "NEED", "KNOWN FROM", "TIME", "HEAP LIMIT", "SCRIPT", "AFTER"}
	if forecast != nil {
		head = slices.Insert(head, 1, "RESULT")
		fmt.Fprintln(out, forecast.Summary())
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, t := range planned.Graph.Tasks {
		row := p.row(t)
		if forecast != nil {
			state, _, _ := strings.Cut(cachedtask.Outlook(forecast.Of(t)), ":")
			row = slices.Insert(row, 1, state)
		}
		for i, cell := range row {
			row[i] = printable.Name(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// row is a task's line of the plan.
func (p *prepared) row(t *taskgraph.Task) []string {
	known := p.predict(t, p.sources.Of(t.Package))
	limit := "-"
	if p.isNode() {
		limit = heap.For(p.heapRequest(t, known)).Size.String()
	}
	length := "?"
	if known.Length > 0 {
		length = fmt.Sprintf("%.2fs", known.Length.Seconds())
	}
	var after []string
	for _, a := range t.Predecessors() {
		after = append(after, a.ID)
	}
	return []string{t.ID, known.Need.String(), string(known.Basis), length, limit, t.Package.Scripts[t.Script] + scripttext.QuoteAll(t.Args), strings.Join(after, ", ")}
}

// concurrencyText puts the number of slots into words. Zero means no limit.
func concurrencyText(slots int) string {
	switch slots {
	case 0:
		return "as many at once as fit"
	case 1:
		return "one at a time"
	default:
		return fmt.Sprintf("at most %d at once", slots)
	}
}
