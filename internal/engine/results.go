package engine

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/sharedcache"
	"github.com/heapmage/heapmage/internal/taskenv"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// results are those of tasks, in a run that keeps them.
type results struct {
	*reuse.Results
	*cachedtask.Tasks
	eyes *observe.Observer

	shared *sharedcache.Cache // nil if there is none

	refresh bool // no result is used, and new ones stand in place of the old
}

// openResults opens the results of earlier runs, if they are wanted.
func (r *run) openResults() {
	if !r.WantsResults() {
		return
	}
	if why := r.Unobserved(); why != "" {
		r.Notices = append(r.Notices, event.Notice{Kind: event.Unobserved, Text: "Tasks are not observed (" + why + "): what their results depend on is taken from Git and from what is declared"})
	}
	opened, err := reuse.Open(r.Workspace.Root, environ.Value(r.Environ, "HOME"))
	if err != nil {
		r.Notices = append(r.Notices, event.Notice{Kind: event.StateUnwritten, Text: "No results are kept: " + err.Error()})
		return
	}
	r.results = &results{Results: opened, Tasks: r.cachedTasks(opened), eyes: &observe.Observer{},
		refresh: r.forced || r.Config.Cache == config.CacheRefresh}
	r.share()
}

// cachedTasks is what is known of tasks before they run.
func (p *prepared) cachedTasks(opened *reuse.Results) *cachedtask.Tasks {
	var unobserved *reuse.Results
	if p.Unobserved() != "" {
		unobserved = opened
	}
	return cachedtask.Open(cachedtask.Setting{
		Workspace: p.Workspace, Declared: p.Declared, Environ: func(pkg *workspace.Package) []string { return p.Settings.Environ(pkg, p.Environ) }, FromFiles: p.Settings.Declared, Digests: opened.Digests(),
		Node: p.Settings.Node.Path, Versions: p.Versions(), Manager: p.ManagerName(), Results: unobserved,
	})
}

func (k *results) close() {
	if k != nil {
		k.eyes.Close()
		k.Prune(context.Background())
		_, _ = k.Save(), k.Close() // the next run knows less
	}
}

// kept is a task whose result is kept; nil if it is not.
func (r *run) kept(ctx context.Context, t *taskgraph.Task) *cachedtask.Kept {
	if r.results == nil {
		return nil
	}
	var ours []string
	if r.session.Heaps != nil {
		ours = []string{r.session.Heaps.Dir()}
	}
	return r.results.Kept(ctx, t, ours)
}

// look ends a task whose result is known.
func (r *run) look(ctx context.Context, t *taskgraph.Task) (schedule.Outcome, bool) {
	k := r.kept(ctx, t)
	if k == nil {
		return schedule.Outcome{}, false
	}
	if k.Stale != "" || r.results.refresh {
		k.Reason = k.Stale
		return schedule.Outcome{}, false
	}
	hit, reason, err := r.results.Look(ctx, k.Task.Task)
	if hit == nil || err != nil {
		k.Reason = reason
		return schedule.Outcome{}, false
	}
	r.results.Drop(t)
	known := event.TaskKnown{Task: r.Describe(t), Written: hit.Written, Shared: hit.Shared, Duration: hit.Duration, CPU: hit.Processor, Peak: hit.Peak}
	if r.show().Replays() {
		log := r.state.Log(t.ID, 1)
		defer log.Close() // once the console has read it, or knows where to
		listener := r.listen(log, t.Package.Path)
		_ = r.results.Log(ctx, hit, io.MultiWriter(listener, log)) // the result stands, whatever is shown
		_ = listener.Close()
		known.Log = log.Path
	}
	r.session.Events.Emit(known)
	return schedule.Outcome{Result: schedule.Done}, true
}

// because is why the task runs although results are kept; only of the first attempt.
func (a *attempt) because() string {
	if k := a.result; k != nil && a.grant.Attempt == 1 && k.Reason != reuse.FirstTime {
		return k.Reason
	}
	return ""
}

// mayKeep reports whether the result of the attempt may be kept.
func (a *attempt) mayKeep() bool {
	k := a.result
	return k != nil && !k.Unseen && k.Stale == ""
}

// observer observes the attempt; nil if it is not observed.
func (a *attempt) observer() *observe.Observer {
	if !a.mayKeep() || a.results.Unobserved != nil {
		return nil
	}
	return a.results.eyes
}

// begin notes that the attempt may write what its result is made of, for other runs. end is to
// be called at its end.
func (a *attempt) begin() (end func()) {
	if a.result == nil {
		return func() {}
	}
	return a.results.Begin(a.result.Task.Task)
}

// enter notes that the attempt runs, and what there was before it if it is not observed.
// leave is to be called at its end.
func (a *attempt) enter() (leave func()) {
	if a.results == nil || a.results.Unobserved == nil {
		return func() {}
	}
	leave = a.results.Unobserved.Enter(a.task)
	if a.mayKeep() && a.result.Watch == nil {
		a.result.Watch = a.results.Unobserved.Begin(a.runs, a.task, a.result.Inputs)
	}
	return leave
}

// environment is what the attempt gets of the environment of the run.
func (a *attempt) environment() []string {
	if !a.mayKeep() {
		return a.Settings.Environ(a.task.Package, a.Environ)
	}
	k := a.result
	if k.Answer.Pass == nil {
		k.Answer = a.results.Decide(k.Task, a.task.Package)
	}
	return k.Answer.Pass
}

// keep keeps the result of an attempt. One that was disturbed by being observed runs again.
func (a *attempt) keep(o *schedule.Outcome, res runner.Result, log *rundir.Log) {
	if !a.mayKeep() {
		return
	}
	k, why := a.result, res.Observation.Disturbed
	switch {
	case res.Blind != nil && a.finished.Status == event.Failed: // perhaps because of that
		why = "nobody answered it (" + res.Blind.Error() + ")"
	case res.Blind != nil:
		a.sayOnce(event.Notice{Kind: event.ResultNotKept, Text: "Results cannot be kept here, as tasks cannot be observed: " + res.Blind.Error()})
		return
	}
	if why != "" && a.finished.Status != event.Interrupted && a.finished.Status != event.Outdated {
		k.Unseen = true
		a.results.Forget(k.Task.Task, why)
		if a.finished.Status == event.Failed {
			*o = schedule.Outcome{Result: schedule.Again}
			a.sayOnce(event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: "it was observed, and " + why + ": trying again unobserved"})
		}
		return
	}
	if a.finished.Status != event.Succeeded {
		return
	}
	var local []string
	if k.Watch != nil {
		res.Observation, local = k.Watch.Finish(a.runs)
	}
	named := a.results.NamedBy
	if k.Question.Mode != taskenv.Found {
		named = nil // what is declared holds
	}
	done := a.results.Keep(a.runs, k.Task.Task, reuse.Attempt{
		Observation: res.Observation, Passed: k.Question.Names, Withheld: k.Answer.Withheld, Names: named, Local: local, Ended: time.Now(),
		Duration: res.Duration - res.Frozen, Processor: res.CPU, Peak: res.Peak, Log: io.NewSectionReader(log, 0, math.MaxInt64),
	}, a.results.refresh)
	if done.Differs != "" {
		a.sayOnce(event.Notice{Kind: event.ResultNotKept, Task: a.event.Label, Text: "its " + done.Differs + " differs from the earlier one, though nothing it depends on has changed: the earlier result is kept",
			Hint: "-force keeps the new one"})
	}
}
