package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/diagnostics"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool"
)

// attempt is one attempt at a task, from its grant to its outcome. It is the
// scheduler's handle of it.
type attempt struct {
	*run
	task  *taskgraph.Task
	grant schedule.Grant
	event event.Task

	runner.Attempt                 // its processes
	runs           context.Context // of the run
	ctx            context.Context
	stop           context.CancelCauseFunc
	done           chan schedule.Outcome // receives the one outcome; never closed

	node     place.NodeTerms      // of its Node processes
	own      nodeoptions.Override // what the script does itself about the options for Node
	result   *cachedtask.Kept     // nil if its result is not kept
	finished event.TaskFinished
}

func (r *run) newAttempt(ctx context.Context, t *taskgraph.Task, g schedule.Grant) *attempt {
	a := &attempt{run: r, task: t, grant: g, event: r.Describe(t), result: r.kept(ctx, t), runs: ctx, done: make(chan schedule.Outcome, 1)}
	a.ctx, a.stop = context.WithCancelCause(ctx)
	return a
}

// start begins an attempt in the pool. Even if ctx is done, the attempt ends only when
// all its processes have ended.
func (r *run) start(ctx context.Context, t *taskgraph.Task, g schedule.Grant) schedule.Attempt {
	a := r.newAttempt(ctx, t, g)
	result := r.pool.Go(context.WithoutCancel(ctx), func(context.Context) schedule.Outcome { return a.do() })
	go func() { a.done <- a.outcomeOf(<-result) }()
	return a
}

// outcomeOf returns the outcome of a pool job. A panic fails only its own task.
func (a *attempt) outcomeOf(res pool.Result[schedule.Outcome]) schedule.Outcome {
	if res.Err == nil {
		return res.Value
	}
	a.stop(nil)
	a.session.Events.Emit(event.TaskFinished{Task: a.event, Attempt: a.grant.Attempt, Status: event.Failed, Cause: string(oom.Failure), ExitCode: -1, Reason: res.Err.Error()})
	return schedule.Outcome{Result: schedule.Failed, Cause: oom.Failure}
}

// Done yields the outcome.
func (a *attempt) Done() <-chan schedule.Outcome { return a.done }

// Freeze keeps the attempt from running.
func (a *attempt) Freeze() {
	a.Attempt.Freeze()
	a.session.Correct(a.event, a.grant.Attempt, event.Paused)
}

// Thaw lets the attempt go on.
func (a *attempt) Thaw() {
	a.Attempt.Thaw()
	a.session.Correct(a.event, a.grant.Attempt, event.Resumed)
}

// Stop ends the attempt to make room.
func (a *attempt) Stop(why schedule.Stop) {
	a.stop(runner.StopCause(why))
}

// do runs the attempt to its end.
func (a *attempt) do() schedule.Outcome {
	defer a.stop(nil)
	known := a.Predict(a.task, a.Sources.Of(a.task.Package))
	request := a.HeapRequest(a.task, known)
	a.node = a.ChooseHeap(&request, known, a.grant.Before, a.mayPreload())
	if a.IsNode() {
		a.own = a.Settings.Override(a.task.Package, a.task.Script, a.Limits.Effective)
	}
	a.warn()
	now := a.session.Meter.Now()
	a.session.Events.Emit(event.TaskStarted{Task: a.event, Attempt: a.grant.Attempt, Need: a.grant.Need, Basis: string(known.Basis), HeapLimit: a.node.Limit.Size,
		Usage: now.Usage, Budget: now.Budget, Because: a.because()})
	defer a.begin()()
	a.list()
	defer a.enter()()
	log := a.state.Log(a.task.ID, a.grant.Attempt)
	defer log.Close() // after the console has read it
	res, err := a.process(log)
	a.finished = res.Event(err)
	a.finished.Task, a.finished.Attempt, a.finished.Log = a.event, a.grant.Attempt, log.Path
	if a.finished.PausedBefore = a.grant.PausedBefore(); a.finished.PausedBefore > 0 && a.finished.Status == event.Failed {
		a.finished.Reason += fmt.Sprintf(", as in the attempt that was paused for %.2fs", a.finished.PausedBefore.Seconds())
	}
	outcome, notice := a.outcome(request, res)
	a.keep(&outcome, res, log)
	a.end(outcome)
	a.sayOnce(notice)
	if a.advice != nil && outcome.Result == schedule.Failed && a.finished.Status == event.Failed && !a.History.EverSucceeded(a.task.Call()) {
		a.sayOnce(a.advice(a.task))
	}
	if gc := a.session.GC; gc != nil && a.session.Meter.Last().Level != memtools.Normal {
		gc.Between(a.runs)
	}
	return outcome
}

// warn emits what the user should know about a task before it starts.
func (a *attempt) warn() {
	limit := a.node.Limit.Notice
	if limit.Kind == event.HeapRaised {
		limit.Task = a.event.Label // the others are about the run
	}
	a.sayOnce(limit)
	text := a.task.Package.Scripts[a.task.Script]
	if a.own.Text != "" {
		a.sayOnce(event.Notice{Kind: event.OwnOptions, Task: a.event.Label, Text: fmt.Sprintf("its script sets %s itself, which overrides heapmage's heap limit", a.own.Text)})
	}
	if scripttext.Watches(text, a.task.Args) {
		a.sayOnce(event.Notice{Kind: event.StillRunning, Task: a.event.Label, Text: "its script watches for changes and may never end",
			Hint: "remove the watch flag, or set another script: or a timeout: under tasks: in " + config.FileName})
	}
}

// process runs the task's processes.
func (a *attempt) process(log *rundir.Log) (runner.Result, error) {
	steps, err := a.steps()
	if err != nil {
		return runner.Result{}, err
	}
	limits := a.own.HeapLimits
	if a.own.Default {
		limits = append(limits, heap.NodeDefault(a.Limits.Effective))
	}
	out, listener := a.console.Output(a.label(a.task), log.Path), a.listen(log, a.task.Package.Path)
	defer out.Close()
	defer listener.Close()
	return a.runner.Run(a.ctx, runner.Spec{
		ID: a.task.ID, Observer: a.observer(), Steps: steps, Log: log, Output: io.MultiWriter(listener, out),
		Timeout:   a.Config.TaskFor(a.task.Package.Keys(), a.task.Target, a.task.Script).Timeout,
		HeapLimit: a.node.Limit.Diagnosed(a.MaxBudget), ScriptHeapLimits: limits, HeapLimitUnsure: a.own.Unknown,
		Slow: a.node.Flag || !a.IsNode(),
	}, &a.Attempt)
}

// listen returns what takes the output that a log keeps of scripts in the folder dir, and tells the
// CI system what they tell it.
func (r *run) listen(log *rundir.Log, dir string) io.WriteCloser {
	return r.console.Listen(log.Path, func(file string) string { return diagnostics.Locate(r.Workspace.Root, dir, file) })
}

// label names a task in front of its output.
func (r *run) label(t *taskgraph.Task) string { return r.Describe(t).LabelIn(r.target) }

// outcome decides what follows the attempt: the tasks that depend on it, nothing, or
// another attempt. Before another attempt it removes the files that this one wrote.
func (a *attempt) outcome(request heap.Request, res runner.Result) (o schedule.Outcome, notice event.Notice) {
	o = schedule.Outcome{Result: schedule.Failed, Cause: res.Verdict.Cause}
	cause := context.Cause(a.ctx)
	switch a.finished.Status {
	case event.Succeeded:
		return schedule.Outcome{}, notice
	case event.Stopped:
		o = schedule.Outcome{Result: schedule.Again} // the task itself did not fail
	case event.OutOfMemory:
		now := schedule.Memory{Budget: a.session.Meter.Last().Budget, Most: a.Undisturbed} // what is missing now is others'
		if lacked, text := heap.RetryForOthers(res.Verdict.Cause, res.Peak, now, a.grant.Before); lacked.Result == schedule.Again && cause == nil {
			o, notice = lacked, event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: text}
			a.finished.ForOthers = true
		} else if last := errors.Is(cause, runner.ErrLast); !endsRun(cause) {
			var text string
			o, text = heap.Retry(heap.Failure{
				Verdict: res.Verdict, Limit: a.node.Limit, Heap: a.session.LargestHeap(a.task.ID), Peak: res.Peak, Request: request, Before: a.grant.Before,
				Alone: a.grant.Alone || last || a.Slots() == 1, Retries: a.Config.Retries, Repeat: a.Mode == event.Safe,
			})
			o.Need = estimate.RetryNeed(res.Peak)
			notice = event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: text}
		}
	case event.Failed:
		if a.preloadFailed() {
			o = schedule.Outcome{Result: schedule.Again, Plain: true}
			notice = event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: "a Node process could not read what heapmage preloads: trying again without it",
				Hint: "start that process without NODE_OPTIONS, or set gc: {auto: false} in " + config.FileName}
		} else {
			o, notice = a.afterPause(o, res)
		}
	case event.TimedOut, event.Interrupted, event.Outdated:
	}
	if o.Result != schedule.Again {
		return o, event.Notice{}
	}
	if err := a.removeHalf(); err != nil {
		notice = event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: "the output of its stopped attempt cannot be removed: " + err.Error()}
		return schedule.Outcome{Result: schedule.Failed, Cause: res.Verdict.Cause}, notice
	}
	return o, notice
}

// endsRun reports whether an attempt was ended with its run. One that ran out of memory
// by itself may have been stopped to make room a moment later.
func endsRun(cause error) bool { return cause != nil && !errors.Is(cause, runner.ErrPressure) }

// end records and reports how the attempt ended.
func (a *attempt) end(o schedule.Outcome) {
	f := &a.finished
	if f.Retry = o.Result == schedule.Again; f.Retry {
		f.Hint = "" // nothing for the user to do
	} else {
		a.before.Forget(a.task.ID)
		if f.Status == event.Failed || f.Status == event.TimedOut {
			a.state.Look(f.Log, func(text io.ReaderAt, size int64) {
				why := diagnostics.Read(text, size).In(a.Workspace.Root, a.task.Package.Path)
				f.Excerpt, f.Errors, f.MoreErrors = why.Lines, why.Errors, why.More
			})
		}
		if f.Status == event.OutOfMemory {
			a.session.Tally.Read(func(s *tally.State) { f.Curve = s.Curve(f.ID) })
		}
	}
	a.remember()
	now := a.session.Meter.Now()
	f.Usage, f.Budget = now.Usage, now.Budget
	a.session.Events.Emit(*f)
}
