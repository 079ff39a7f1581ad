// Package sharding connects the plan of a run with the plan that runners share: it gathers what is known
// of tasks so that they can be divided, and tells which of them a shard runs. It writes nothing.
package sharding

import (
	"context"
	"errors"
	"fmt"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/shard"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Divide divides the tasks of a graph. r has all but the tasks. predict tells what a task needs, and
// forecast what is known of results; nil means nothing. The notices tell people what was done, and with
// explain all of it.
func Divide(r shard.Request, graph *taskgraph.Graph, predict func(*taskgraph.Task) estimate.Prediction, forecast *cachedtask.Forecast, explain bool) (*shard.Plan, []event.Notice, error) {
	bases, guesses := map[string]string{}, []string(nil)
	for _, t := range graph.Tasks {
		known := predict(t)
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
	var notices []event.Notice
	if text, hint := shard.Assume(r.Tasks, guesses); text != "" {
		notices = append(notices, event.Notice{Kind: event.Sharded, Text: text, Hint: hint})
	}
	d, err := shard.Divide(r)
	if err != nil {
		return nil, nil, err
	}
	return shard.NewPlan(r, d, func(id string) string { return bases[id] }), append(notices, tell(d, r, explain)...), nil
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

// tell tells people of a division.
func tell(d *shard.Division, r shard.Request, explain bool) (notices []event.Notice) {
	lines, hint := d.Summary(r)
	for _, line := range lines {
		notices = append(notices, event.Notice{Kind: event.Sharded, Text: line})
	}
	notices[len(notices)-1].Hint = hint
	if explain {
		for _, line := range d.Details(r) {
			notices = append(notices, event.Notice{Kind: event.Sharded, Text: line})
		}
	}
	return notices
}

// Head returns the commit that is checked out, and a digest of what differs from it; empty if nothing
// does. where names who asks, in errors.
func Head(ctx context.Context, where, root string) (commit, changes string, err error) {
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

// Part is what a request's shard runs of a workspace; nil if it names none. The notices tell what
// differs from the plan and does no harm.
func Part(ctx context.Context, ws *workspace.Workspace, request plan.Request) (part *plan.Part, notices []event.Notice, err error) {
	if request.Shard == nil && request.ShardPlan == nil {
		return nil, nil, nil
	}
	if request.Shard != nil {
		if _, _, err := shard.ParseShard(*request.Shard); err != nil {
			return nil, nil, err
		}
	}
	if err := request.CheckShard(); err != nil {
		return nil, nil, err
	}
	text, file := *request.Shard, *request.ShardPlan
	made, err := shard.Read(ws.Path(file), file)
	if err != nil {
		return nil, nil, err
	}
	commit, changes, err := Head(ctx, "-shard="+text, ws.Root)
	if err != nil {
		return nil, nil, err
	}
	if err := made.Check("-plan="+file, plan.TargetName(request.Target), commit, changes); err != nil {
		return nil, nil, err
	}
	s, err := made.Shard(text)
	if err != nil {
		return nil, nil, err
	}
	if changes != "" && made.Changes == "" {
		notices = append(notices, event.Notice{Kind: event.Sharded, Text: fmt.Sprintf("Files differ from commit %.12s, of which the plan is", commit)})
	}
	all := 0
	for _, other := range made.Shards {
		all += len(other.Tasks)
	}
	return &plan.Part{Where: text, Of: "-plan=" + file, Tasks: made.Part(s), Own: len(s.Tasks), All: all}, notices, nil
}
