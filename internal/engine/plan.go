package engine

import (
	"context"
	"fmt"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/planview"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Plan prints what a request would run, in order, with the limits, in the form that the
// flags ask for. It starts no script and writes nothing.
func Plan(ctx context.Context, request Request, flags planview.Flags) error {
	form, err := flags.Form()
	if err != nil {
		return err
	}
	p, planned, err := prepareRun(ctx, request, true)
	if err != nil {
		return err
	}
	var forecast *cachedtask.Forecast
	if planned.Unaffected != "" {
		nothing := event.Notice{Kind: event.NothingToDo, Text: planned.Unaffected}
		if form.IsTable() {
			return report.Say(ctx, p.Environ, nothing)
		}
		p.Notices, planned.Graph = append(p.Notices, nothing), &taskgraph.Graph{}
	} else if forecast, err = p.forecast(ctx, planned.Graph); err != nil {
		return err
	}
	view := p.view(planned, forecast)
	if !form.IsTable() {
		text, aside, err := view.Render(form)
		if err != nil {
			return err
		}
		return report.Emit(ctx, p.Environ, text, aside)
	}
	return report.Print(ctx, p.Environ, func(out *report.Console) error {
		view.WriteHead(out)
		for _, n := range p.Notices {
			out.Take(event.Stamped{Event: n}, &tally.State{})
		}
		if forecast != nil {
			fmt.Fprintln(out, forecast.Summary())
		}
		if err := view.WriteTable(out, report.Width()); err != nil || form != planview.Explain {
			return err
		}
		return planned.Explain(out, p.Unobserved() == "", forecast.Lines)
	})
}

// view is the plan as it is shown.
func (p *prepared) view(planned *plan.Plan, forecast *cachedtask.Forecast) *planview.Plan {
	view := &planview.Plan{
		Version: planview.Version, Target: planned.Target, Mode: p.Mode, Root: p.Workspace.Root, Manager: p.ManagerName(),
		Budget: p.MaxBudget, BudgetSource: p.BudgetSource.String(), CPUs: p.CPUs(), Concurrency: p.Slots(),
		Tasks: []planview.Task{}, Notices: append([]event.Notice{}, p.Notices...),
	}
	after, afterEnd := planview.Direct(planned.Graph)
	for _, t := range planned.Graph.Tasks {
		known := p.Predict(t, p.Sources.Of(t.Package))
		task := planview.Task{
			Task: p.Describe(t), Folder: t.Package.Dir, Command: t.Package.Scripts[t.Script] + scripttext.QuoteAll(t.Args),
			After: taskgraph.IDs(after[t]), AfterEnd: taskgraph.IDs(afterEnd[t]),
			Need: known.Need, Basis: string(known.Basis), Length: known.Length,
		}
		if p.IsNode() {
			task.HeapLimit = heap.For(p.HeapRequest(t, known)).Size
		}
		if forecast != nil {
			task.Result = planview.ResultOf(forecast.Of(t))
		}
		view.Tasks = append(view.Tasks, task)
	}
	return view
}
