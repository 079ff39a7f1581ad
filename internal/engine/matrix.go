package engine

import (
	"cmp"
	"context"
	"fmt"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/shard"
	"github.com/heapmage/heapmage/internal/sharding"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Matrix divides what a request would run among the runners of a CI system. It writes the plan to a
// file, config.PlanFile if none is named, and prints the jobs. What people should know goes to standard
// error. It starts no script.
func Matrix(ctx context.Context, request Request, flags shard.Flags, file string, explain bool) error {
	file = cmp.Or(file, config.PlanFile)
	settings, err := flags.Read()
	if err != nil {
		return err
	}
	here, err := place.Open(request.Dir, request.Mode)
	if err != nil {
		return err
	}
	commit, changes, err := sharding.Head(ctx, "ci:matrix", here.Workspace.Root)
	if err != nil {
		return err
	}
	r := shard.Request{Runners: settings.Runners, Setup: settings.Setup}
	size, cpus := settings.Runner.Memory, settings.Runner.CPUs
	if size == 0 {
		size = here.Limits.Effective
	}
	if cpus == 0 {
		cpus = here.CPUs()
	}
	if l := settings.Larger; l != nil {
		other := here.On(l.Memory, l.CPUs)
		r.Larger = &shard.Runner{Label: l.Label, Memory: l.Memory, Budget: other.MaxBudget, CPUs: l.CPUs, Slots: other.Slots()}
		here.Limits.Machine = max(here.Limits.Machine, l.Memory)
	}
	here = here.On(size, cpus)
	r.Runner = shard.Runner{Label: settings.Runner.Label, Memory: size, Budget: here.MaxBudget, CPUs: cpus, Slots: here.Slots()}
	here.Dir = here.Workspace.Root // a plan is for the workspace, wherever it is made
	p, planned, err := prepareIn(ctx, here, request, true)
	if err != nil {
		return err
	}
	var made *shard.Plan
	if planned.Unaffected != "" {
		p.Notices = append(p.Notices, event.Notice{Kind: event.NothingToDo, Text: planned.Unaffected})
		made = shard.NewPlan(r, &shard.Division{}, nil)
	} else if made, err = p.divide(ctx, planned.Graph, r, explain); err != nil {
		return err
	}
	made.Target, made.Commit, made.Changes = planned.Target, commit, changes
	if changes != "" {
		p.Notices = append(p.Notices, event.Notice{Kind: event.Sharded, Text: fmt.Sprintf("Files differ from commit %.12s: every shard must have the same changes", commit), Hint: "commit them, and plan again"})
	}
	if err := made.Write(here.Workspace.Path(file), file); err != nil {
		return err
	}
	text, err := made.Matrix(settings.Format, settings.Command)
	if err != nil {
		return err
	}
	return report.Emit(ctx, p.Environ, text, p.Notices)
}

// divide divides the tasks of a graph, and notes what people should know of it.
func (p *prepared) divide(ctx context.Context, graph *taskgraph.Graph, r shard.Request, explain bool) (*shard.Plan, error) {
	forecast, err := p.forecast(ctx, graph)
	if err != nil {
		return nil, err
	}
	predict := func(t *taskgraph.Task) estimate.Prediction { return p.Predict(t, p.Sources.Of(t.Package)) }
	made, notices, err := sharding.Divide(r, graph, predict, forecast, explain)
	p.Notices = append(p.Notices, notices...)
	return made, err
}
