package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/folder"
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

// ShardPlan is the file that ci:matrix writes if none is named, relative to the workspace.
const ShardPlan = "heapmage-plan.json"

// Matrix divides what a request would run among the runners of a CI system. It writes the plan to a
// file, and prints the jobs; what people should know goes to standard error. It starts no script.
func Matrix(ctx context.Context, request Request, flags shard.Flags, file string, explain bool) error {
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
	if err := writePlan(here.Workspace.Path(file), file, made); err != nil {
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
	if explain {
		lines = append(lines, d.Details(r)...)
	}
	for i, line := range lines {
		n := event.Notice{Kind: event.Sharded, Text: line}
		if i == len(lines)-1 {
			n.Hint = hint
		}
		p.Notices = append(p.Notices, n)
	}
}

// writePlan writes the plan whole or not at all. It replaces nothing but a plan.
func writePlan(path, shown string, p *shard.Plan) error {
	if had, err := folder.ReadFile(path); err == nil && len(bytes.TrimSpace(had)) > 0 && !shard.IsPlan(had) {
		return &problem.Error{Where: "-plan=" + shown, What: "is a file that ci:matrix did not write", Hint: "remove it, or name another file"}
	}
	text, err := p.Text()
	if err != nil {
		return err
	}
	dir, err := confined.Open(filepath.Dir(path), ".")
	if err == nil {
		err = errors.Join(dir.Replace(filepath.Base(path), func(f *os.File) error {
			_, err := f.Write(text)
			return err
		}), dir.Close())
	}
	if err != nil {
		return &problem.Error{Where: "-plan=" + shown, What: "cannot be written", Cause: err, Hint: "name a file in a writable folder, and make room on its disk"}
	}
	return nil
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
	where := "-shard=" + text
	if request.Shard == nil {
		return nil, &problem.Error{Where: "-plan=" + file, What: "which shard of it to run is not said", Hint: "pass -shard=, such as -shard=2/4"}
	}
	if _, _, err := shard.ParseShard(text); err != nil {
		return nil, err
	}
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"-workspace", request.Packages != nil}, {"-exclude", request.Exclude != nil}, {"-since", request.Since != nil},
		{"-nodeps", request.NoDeps != nil && *request.NoDeps}, {"-fix", request.Fix != nil && *request.Fix},
	} {
		if flag.given {
			return nil, &problem.Error{Where: where + " " + flag.name, What: "the plan tells what a shard runs", Hint: "leave out " + flag.name}
		}
	}
	if file == "" {
		return nil, &problem.Error{Where: where, What: "names no plan", Hint: "pass the file that ci:matrix wrote, such as -plan=" + ShardPlan}
	}
	content, err := folder.ReadFile(p.Workspace.Path(file))
	if err != nil {
		return nil, &problem.Error{Where: "-plan=" + file, What: "cannot be read", Cause: err, Hint: "ci:matrix writes it, and every shard gets it; a relative name starts at the workspace's root"}
	}
	made, err := shard.ReadPlan("-plan="+file, content)
	if err != nil {
		return nil, err
	}
	commit, changes, err := head(ctx, where, p.Workspace.Root)
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
