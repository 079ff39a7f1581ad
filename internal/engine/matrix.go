package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/shard"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
)

// Matrix divides what a request would run among the runners of a CI system. It writes the plan to a
// file, heapmage-plan.json if none is named, and prints the jobs; what people should know goes to standard error. It starts no script.
func Matrix(ctx context.Context, request Request, flags shard.Flags, file string, explain bool) error {
	file = cmp.Or(file, plan.ShardPlan)
	settings, err := flags.Read()
	if err != nil {
		return err
	}
	here, err := place.Open(request.Dir, request.Mode)
	if err != nil {
		return err
	}
	commit, changes, err := head(ctx, "ci:matrix", here.Workspace.Root)
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
	var division *shard.Division
	var made *shard.Plan
	if planned.Unaffected != "" {
		p.Notices = append(p.Notices, event.Notice{Kind: event.NothingToDo, Text: planned.Unaffected})
		division = &shard.Division{}
		made = shard.NewPlan(r, division, nil)
	} else if division, made, err = p.divide(ctx, planned, &r); err != nil {
		return err
	} else {
		p.tellShards(division, r, explain)
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

// divide divides the tasks of a plan.
func (p *prepared) divide(ctx context.Context, planned *plan.Plan, r *shard.Request) (*shard.Division, *shard.Plan, error) {
	forecast, err := p.forecast(ctx, planned.Graph)
	if err != nil {
		return nil, nil, err
	}
	bases, guesses := map[string]string{}, []string(nil)
	for _, t := range planned.Graph.Tasks {
		known := p.Predict(t, p.Sources.Of(t.Package))
		bases[t.ID] = string(known.Basis)
		task := shard.Task{ID: t.ID, Wanted: t.Wanted, After: taskgraph.IDs(t.After), Need: known.Need, Peak: known.Peak, Length: known.Length, Cores: known.Cores,
			Guessed: known.Basis == estimate.FromNothing || known.Basis == estimate.FromSimilar}
		for _, i := range t.Implied {
			if i.Task.Package == t.Package { // it reads what that leaves
				task.After = append(task.After, i.Task.ID)
			} else {
				task.Follows = append(task.Follows, i.Task.ID)
			}
		}
		task.Size, task.Known = isKnown(forecast, t)
		if (task.Guessed || task.Length == 0) && !task.Known {
			guesses = append(guesses, t.ID)
		}
		r.Tasks = append(r.Tasks, task)
	}
	unknown, length := shard.Assume(r.Tasks)
	if len(guesses) > 0 {
		text := fmt.Sprintf("No run is known of %s, so time and memory are guessed: %s", report.Plural(len(guesses), "task"), problem.ShortList(guesses, 3))
		if unknown > 0 {
			text += fmt.Sprintf("; %v where nothing is like them", length)
		}
		p.Notices = append(p.Notices, event.Notice{Kind: event.Sharded, Text: text,
			Hint: "keep .heapmage/history.jsonl between jobs, or commit what memory:export writes, and import it first"})
	}
	d, err := shard.Divide(*r)
	if err != nil {
		return nil, nil, err
	}
	return d, shard.NewPlan(*r, d, func(id string) string { return bases[id] }), nil
}

// isKnown reports whether the result of a task is known, so that no runner has to build it, and
// what there is to fetch. A cache that several machines share is asked by the forecast.
func isKnown(forecast *cachedtask.Forecast, t *taskgraph.Task) (size memtools.Bytes, known bool) {
	if forecast == nil {
		return 0, false
	}
	o := forecast.Of(t)
	return o.Size(), o.State == reuse.UpToDate || o.State == reuse.Restored
}

// tellShards adds what people should know of a division.
func (p *prepared) tellShards(d *shard.Division, r shard.Request, explain bool) {
	lines, hint := d.Summary(r)
	for _, line := range lines {
		p.Notices = append(p.Notices, event.Notice{Kind: event.Sharded, Text: line})
	}
	p.Notices[len(p.Notices)-1].Hint = hint
	if explain {
		for _, line := range d.Details(r) {
			p.Notices = append(p.Notices, event.Notice{Kind: event.Sharded, Text: line})
		}
	}
}

// head returns the commit that is checked out, and a digest of what differs from it.
func head(ctx context.Context, where, root string) (commit, changes string, err error) {
	commit, changes, err = git.Head(ctx, root)
	if err == nil {
		return commit, changes, nil
	}
	p := &problem.Error{Where: where, What: "cannot tell which commit is checked out, and all shards must have the same", Cause: err}
	switch {
	case errors.Is(err, git.ErrNoGit):
		p.Hint = "install Git"
	case errors.Is(err, git.ErrNoRepository):
		p.Hint = "a container needs the .git folder too"
	case errors.Is(err, git.ErrNoCommit):
		p.Hint = "commit first"
	}
	return "", "", p
}

// part is what a request's shard runs of a workspace; nil if it names none.
func part(ctx context.Context, p *place.Place, request Request) (*plan.Part, error) {
	if request.Shard == nil && request.ShardPlan == nil {
		return nil, nil
	}
	text, file := Or(request.Shard, ""), Or(request.ShardPlan, "")
	if _, _, err := shard.ParseShard(text); err != nil && request.Shard != nil {
		return nil, err
	}
	if err := request.CheckShard(); err != nil {
		return nil, err
	}
	made, err := shard.Read(p.Workspace.Path(file), file)
	if err != nil {
		return nil, err
	}
	commit, changes, err := head(ctx, "-shard="+text, p.Workspace.Root)
	if err != nil {
		return nil, err
	}
	if err := made.Check("-plan="+file, plan.TargetName(request.Target), commit, changes); err != nil {
		return nil, err
	}
	s, err := made.Shard(text)
	if err != nil {
		return nil, err
	}
	if changes != "" && made.Changes == "" {
		p.Notices = append(p.Notices, event.Notice{Kind: event.Sharded, Text: fmt.Sprintf("Files differ from commit %.12s, of which the plan is", commit)})
	}
	all := 0
	for _, other := range made.Shards {
		all += len(other.Tasks)
	}
	return &plan.Part{Where: text, Of: "-plan=" + file, Tasks: made.Part(s), Own: len(s.Tasks), All: all}, nil
}
