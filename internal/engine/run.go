package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/cilog"
	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/handon"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/session"
	"github.com/heapmage/heapmage/internal/summary"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/pool"
)

// Run runs a target and prints its log. The error names what failed; its ExitStatus is
// the exit code, one of package problem's.
func Run(ctx context.Context, request Request) error {
	session.KeepSmall()
	p, planned, err := prepareRun(ctx, request, false)
	if err != nil {
		return err
	}
	if planned.Unaffected != "" {
		return report.Say(ctx, p.Environ, event.Notice{Kind: event.NothingToDo, Text: planned.Unaffected})
	}
	session.Prepared(p.WantsResults())
	ctx, release := session.Stoppable(ctx)
	defer release()
	return newRun(p, planned).all(ctx, ctx, nil)
}

func newRun(p *prepared, planned *plan.Plan) *run {
	return &run{prepared: p, target: planned.Target, graph: planned.Graph, forced: planned.Forced(), advice: planned.RootAdvice, started: clock.Now(), said: &event.Once{}, before: &outputs.Listings{}}
}

// all is the run from its first line to its last. It ends with ctx, while printing goes on
// until outer is done. further are reporters of its events.
func (r *run) all(outer, ctx context.Context, further []tally.Reporter) error {
	r.openResults()
	id := proc.NewRunID()
	first := event.RunStarted{
		Format: event.Format, Run: id, Target: r.target, Mode: r.Mode, Root: r.Workspace.Root, Manager: r.ManagerName(), Tasks: len(r.graph.Tasks),
		Budget: r.MaxBudget, BudgetSource: r.BudgetSource.String(), HeapLimit: r.HeapCeiling(), CPUs: r.CPUs(), Concurrency: r.Slots(),
	}
	r.console = report.Open(outer, r.Environ, r.show())
	r.console.CI = cilog.Detect(r.Config, r.Environ, r.Workspace.Root)
	if r.Config.View != config.ViewPlain && r.console.ShowState(r.Environ, budget.Thresholds(r.Config.Monitor), proc.WriteOnDeath) {
		session.BeforeStop(r.console.HideState)
		defer session.BeforeStop(nil)
	}
	defer func() { r.state.Close() }() // once the console has read the logs
	if err := r.open(ctx, id, first, further...); err != nil {
		return cmp.Or(err, r.console.Close())
	}
	err := cmp.Or(r.do(ctx), r.close())
	if r.console.CI != nil {
		report.Complain(outer, summary.Append(r.Environ, r.Workspace.Root, id))
	}
	handon.Run(ctx, r.Environ, r.Workspace.Root, id, r.console)
	return report.Leave(outer, r.console, r.state.Shown, err)
}

// run is one run of a target, or of a worker, from its first line to its last.
type run struct {
	*prepared
	target string
	graph  *taskgraph.Graph
	forced bool // tasks run although their results are known
	// advice is what to set after the failure of a task that never succeeded. A worker has
	// none.
	advice  func(*taskgraph.Task) event.Notice
	started time.Time
	// installed is how long the installation of dependencies took, which is no part of
	// the run's duration.
	installed time.Duration

	state   *rundir.Run
	console *report.Console
	record  *report.Recorder // nil if nothing can be recorded
	session *session.Session
	runner  *runner.Runner
	// pool runs the attempts. Their isolation is that of their own processes, and the
	// scheduler's grant is the only reservation.
	pool   *pool.Local[schedule.Outcome]
	said   *event.Once
	before *outputs.Listings
	// results are those of tasks; nil if none are used or kept.
	results *results
}

func (r *run) sayOnce(n event.Notice) {
	if r.said.First(n) {
		r.session.Events.Emit(n)
	}
}

// show is how scripts' output reaches the console.
func (r *run) show() report.Show {
	return report.Choose(r.Config.Output, r.Slots() == 1 || len(r.graph.Tasks) == 1)
}

// oomScore makes the kernel kill children before this process and everything else on
// the machine. With a higher score, tiny helpers would die first.
const oomScore = 300

// open opens the folder, the record and the session of the run id; its console is open.
// first is its first event; nil means none.
func (r *run) open(ctx context.Context, id string, first event.Event, further ...tally.Reporter) error {
	session.EndAbandoned(r.Workspace.Root)
	var unwritten []event.Notice
	r.state, unwritten = rundir.Open(r.Workspace.Root, id)
	r.state.SetOwner(proc.Self())
	_ = r.Answers.Save() // at worst the next run asks again
	r.Notices = append(r.Notices, unwritten...)
	r.console.OpenLog = r.state.Read
	reporters := append([]tally.Reporter{r.console}, further...)
	if file, err := r.state.Record(); err == nil {
		r.record = report.NewRecorder(file)
		reporters = append(reporters, r.record)
	} else if len(unwritten) == 0 {
		r.Notices = append(r.Notices, event.Notice{Kind: event.StateUnwritten, Text: "This run is not recorded: " + err.Error(), Hint: roomHint})
	}
	var err error
	r.session, err = session.Open(ctx, session.Options{
		ID: id, MaxBudget: r.Granted, Undisturbed: r.Undisturbed, Thresholds: budget.Thresholds(r.Config.Monitor), Tick: r.Config.Monitor.Interval,
		Collect: r.Collects(), Cooldown: r.Config.GC.Cooldown, First: first,
		Cgroups: first != nil && r.separates(), Reporters: reporters,
	})
	if err != nil {
		r.closeRecord()
		return &problem.Error{What: "the memory of processes cannot be measured", Cause: err, Hint: "is /proc mounted?"}
	}
	if r.session.HeapsErr != nil {
		r.MayExceedBudget = false
	}
	if err := r.session.HeapsErr; err != nil && !errors.Is(err, errors.ErrUnsupported) {
		r.Notices = append(r.Notices, event.Notice{Kind: event.GCUnavailable, Text: "No garbage can be collected in Node processes: " + err.Error()})
	}
	r.runner = &runner.Runner{RunID: id, Meter: r.session.Meter, OOMScoreAdj: oomScore, Cgroups: r.session.Cgroups, MoreRoom: r.MoreRoom}
	r.pool = pool.NewLocal[schedule.Outcome](pool.LocalOptions{})
	return nil
}

// separates reports whether tasks are to have cgroups of their own. What runs inside of
// another run's task stays in that task's.
func (p *prepared) separates() bool {
	return (p.Config.Cgroups == nil || *p.Config.Cgroups) && environ.Value(p.Environ, environ.Task) == ""
}

func (r *run) close() error {
	err := errors.Join(r.pool.Shutdown(context.Background()), r.session.Close())
	r.closeRecord()
	r.results.close()
	if err == nil {
		return nil
	}
	return &problem.Error{What: "this run could not be ended in order", Cause: err, Code: problem.ExitFailed}
}

// closeRecord ends what the run is recorded in. No error of it changes how the run
// ended: what was lost was told before its end.
func (r *run) closeRecord() {
	if r.record != nil {
		_ = r.record.Close()
	}
	_ = r.History.Close()
}

const roomHint = "free disk space, or make the workspace's folder writable"

// tellLosses emits one notice of what could not be recorded: logs, events and
// what the tasks took.
func (r *run) tellLosses() {
	var lost []string
	if text := r.state.Lost(); text != "" {
		lost = append(lost, text)
	}
	if r.record != nil && r.record.Err() != nil {
		lost = append(lost, fmt.Sprintf("the record of this run is incomplete (%v)", r.record.Err()))
	}
	err := r.History.Flush()
	if err != nil {
		lost = append(lost, "the next run will not know "+err.Error())
	}
	if len(lost) == 0 {
		return
	}
	hint := roomHint
	if err != nil && len(lost) == 1 && errors.Is(err, confined.ErrLocked) {
		hint = "does another run hang, or is it stopped?"
	}
	r.session.Events.Emit(event.Notice{Kind: event.StateUnwritten, Text: "Lost: " + strings.Join(lost, "; "), Hint: hint})
}

// do runs the tasks, and everything before and after them.
func (r *run) do(ctx context.Context) error {
	known := make([]estimate.Prediction, len(r.graph.Tasks))
	for i, t := range r.graph.Tasks {
		known[i] = r.Predict(t, r.size(t))
	}
	r.announce(known)
	err := r.precheck(known)
	if err == nil {
		r.session.Memory(event.AtStart, r.session.Meter.Now())
		err = r.install(ctx)
	}
	if err == nil {
		r.schedule(ctx)
	}
	return r.finish(ctx, err)
}

// planChunk is how many tasks one event of the plan holds.
const planChunk = 100

// announce emits the plan, and what the user should know before anything starts.
// known has the prediction of each task.
func (r *run) announce(known []estimate.Prediction) {
	for tasks := range slices.Chunk(r.graph.Tasks, planChunk) {
		planned := event.RunPlanned{}
		for i, t := range tasks {
			planned.Tasks = append(planned.Tasks, event.PlannedTask{
				Task: r.Describe(t), Args: t.Args, After: taskgraph.IDs(t.Predecessors()), Need: known[i].Need, Length: known[i].Length, Cores: known[i].Cores,
			})
		}
		r.session.Events.Emit(planned)
		known = known[len(tasks):]
	}
	for _, n := range r.Notices {
		r.session.Events.Emit(n)
	}
}

// schedule runs the tasks.
func (r *run) schedule(ctx context.Context) {
	sharing := r.session.Share()
	defer sharing.Leave()
	tasks := make(map[string]*taskgraph.Task, len(r.graph.Tasks))
	jobs := make([]schedule.Job, 0, len(r.graph.Tasks))
	for _, t := range r.graph.Tasks {
		tasks[t.ID] = t
		job := schedule.Job{ID: t.ID, After: taskgraph.IDs(t.After), Fragile: script.IsTest(t.Script)}
		for _, i := range t.Implied {
			job.Follows = append(job.Follows, i.Task.ID)
		}
		jobs = append(jobs, job)
	}
	o := schedule.Options{
		Slots: r.Slots(), CPUs: r.CPUs(),
		Estimate:      func(id string) schedule.Estimate { return r.estimate(tasks[id]) },
		KeepFrozen:    r.Config.OnPressure == config.OnPressureSuspend,
		StopAtFailure: r.Config.KeepGoing != nil && !*r.Config.KeepGoing,
		Queued:        func(id string) { r.session.Events.Emit(event.TaskQueued{Task: r.Describe(tasks[id])}) },
		Skipped: func(id, because string) {
			skipped := event.TaskSkipped{Task: r.Describe(tasks[id])}
			if cause := tasks[because]; cause != nil && ctx.Err() == nil {
				failed := r.Describe(cause)
				skipped.Because = &failed
			}
			r.session.Events.Emit(skipped)
		},
	}
	if r.results != nil {
		if r.results.shared != nil {
			o.Probes = sharedProbes
		}
		o.Probe = func(ctx context.Context, id string) (schedule.Outcome, bool) { return r.look(ctx, tasks[id]) }
	}
	if gc := r.session.GC; gc != nil {
		o.Collect = func() { gc.Short(ctx) }
	}
	if o.Slots > 0 {
		o.CPUs = math.Inf(1) // the user's number stands, however busy the processors are
	}
	schedule.Run(ctx, jobs, sharing.Options(o), func(ctx context.Context, g schedule.Grant) schedule.Attempt {
		return r.start(ctx, tasks[g.ID], g)
	})
}

// finish emits how the run ended and returns that as an error.
func (r *run) finish(ctx context.Context, err error) error {
	r.endSharing(ctx)
	r.session.Settle() // what else is emitted belongs before the end of the run
	r.tellLosses()
	now := r.session.Meter.Now()
	var f event.RunFinished
	r.session.Tally.Read(func(s *tally.State) { f = s.Summary() })
	f.Usage, f.Budget, f.Duration = now.Usage, now.Budget, clock.Since(r.started)-r.installed
	known := (*problem.Error)(nil)
	if code, reason := session.Exit(ctx); code != 0 { // tasks that failed did so because of it
		f.ExitCode, f.Reason, f.Outdated, err = code, r.target+" "+reason, errors.Is(context.Cause(ctx), runner.ErrOutdated), nil
	} else if errors.As(err, &known) {
		f.ExitCode, f.Reason = known.ExitStatus(), known.What
	}
	r.session.Events.Emit(f)
	if err != nil || f.ExitCode == 0 {
		return err
	}
	return &problem.Error{What: f.Reason, Code: f.ExitCode}
}
