package engine

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// attempt runs a task once and says what the scheduler should make of it.
func (r *run) attempt(ctx context.Context, t *taskgraph.Task, g schedule.Grant) schedule.Outcome {
	described := r.describe(t)
	h := r.heapOf(t)
	r.sayOnce(h.Notice)
	text := t.Package.Scripts[t.Script]
	if own, ok := script.OverrideIn(text, r.limits.Effective); ok && r.ws.Manager != workspace.Go {
		r.sayOnce(event.Notice{Kind: event.OwnOptions, Task: described.Label, Text: fmt.Sprintf("its script sets %s itself, which goes before heapmage's heap limit", own.Text)})
	}
	if endless.MatchString(text) {
		r.sayOnce(event.Notice{Kind: event.StillRunning, Task: described.Label, Text: "its script watches for changes and may never end",
			Hint: "take the watch flag out of the script, name another one, or set a timeout, under tasks: in " + config.FileName})
	}
	steps, err := r.steps(t, h)
	log := r.state.log(t.ID, g.Attempt)
	r.events.Emit(event.TaskStarted{Task: described, Attempt: g.Attempt, Need: g.Need, HeapLimit: h.Limit})
	r.memory(event.BeforeTask, t.ID, r.meter.Now())
	f := event.TaskFinished{Task: described, Attempt: g.Attempt, Log: log}
	var res runner.Result
	if err == nil {
		res, err = r.runner.Run(ctx, runner.Spec{ID: t.ID, Steps: steps, Log: log, Timeout: r.config.TaskFor(t.Package.Name, t.Target).Timeout, HeapLimit: h.Limit})
	}
	f.Duration, f.CPU, f.Peak, f.ExitCode, f.Signal = res.Duration, res.CPU, res.Peak, res.ExitCode, res.Signal
	f.Status, f.Cause = statusOf(res.Verdict), string(res.Verdict.Cause)
	if err != nil {
		f.Status, f.Cause, f.ExitCode = event.Failed, string(oom.Failure), -1
		f.Reason, f.Hint, _ = strings.Cut(err.Error(), "\n💡 ")
	} else if f.Status != event.Succeeded {
		f.Reason, f.Hint = res.Verdict.Reason(), res.Verdict.Advice
	}
	outcome := schedule.Failed
	switch f.Status {
	case event.Succeeded:
		outcome = schedule.Done
	case event.OutOfMemory:
		if notice, again := r.again(t, g, h, res.Verdict); again && ctx.Err() == nil {
			defer r.sayOnce(notice)
			f.Retry, outcome = true, schedule.Again
		}
	case event.Failed, event.TimedOut, event.Interrupted:
	}
	r.mu.Lock()
	r.ended = append(r.ended, f)
	r.mu.Unlock()
	r.events.Emit(f)
	now := r.meter.Now()
	r.memory(event.AfterTask, t.ID, now)
	if r.gc != nil && now.Level != memtools.Normal {
		r.gc.Collect(ctx, event.BetweenTasks)
	}
	return outcome
}

// endless finds the flags with which compilers and test runners wait for changes.
var endless = regexp.MustCompile(`\s--watch(All)?(\s|$|=true)|\btsc\b.*\s-w(\s|$)`)

func statusOf(v oom.Verdict) event.Status {
	switch {
	case v.Success():
		return event.Succeeded
	case v.Cause == oom.Interrupted:
		return event.Interrupted
	case v.Cause == oom.Timeout:
		return event.TimedOut
	case v.Memory():
		return event.OutOfMemory
	default:
		return event.Failed
	}
}

// again decides whether a task that failed for memory is tried once more, and
// remembers the heap limit that it then gets. A V8 heap that was full is tried
// again where its limit can be raised; what the kernel killed, only by build:safe.
func (r *run) again(t *taskgraph.Task, g schedule.Grant, h heap, v oom.Verdict) (event.Notice, bool) {
	if g.Attempt > 1 {
		return event.Notice{}, false
	}
	n := event.Notice{Kind: event.Retrying, Task: r.labels[t.Package.Name]}
	if v.Cause == oom.V8Heap || v.Cause == oom.NodeWorker {
		// Without a limit in the verdict the heap died far below ours: the script
		// sets its own, and raising ours would change nothing.
		raised, ok := h.raised(r.heapRequest(t))
		if !ok || v.Limit == 0 && v.Cause == oom.V8Heap {
			return n, false
		}
		r.mu.Lock()
		r.heaps[t.ID] = raised
		r.mu.Unlock()
		n.Text = fmt.Sprintf("trying again with the heap limit raised from %v to %v", h.Limit, raised.Limit)
		return n, true
	}
	n.Text = "trying again, alone"
	return n, r.Mode == event.Safe
}

// heapOf is the heap limit that a task gets now.
func (r *run) heapOf(t *taskgraph.Task) heap {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h, ok := r.heaps[t.ID]; ok {
		return h
	}
	return heapFor(r.heapRequest(t))
}

func (r *run) heapRequest(t *taskgraph.Task) heapRequest {
	pkg := r.config.Lookup(t.Package.Name, t.Package.Dir)
	return heapRequest{
		Budget: r.budget, Young: r.settings.Node.YoungGeneration, Ceiling: r.heapCeiling(),
		Package: pkg.HeapLimit.Of(r.limits.Effective),
		User:    r.settings.UserHeapLimit, UserSource: r.settings.UserHeapSource,
	}
}

// steps are the processes of a task.
func (r *run) steps(t *taskgraph.Task, h heap) ([]script.Step, error) {
	o := r.scriptOptions()
	if r.server != nil {
		o.NodeOptions, o.Extra = append(o.NodeOptions, r.server.Options()...), append(o.Extra, r.server.Env()...)
	}
	o.Args = r.scriptArgs(t)
	// A heapmage inside of the script keeps to this run's budget, and does not
	// start the same task again.
	o.Extra = append(o.Extra, config.EnvRunning+"="+r.running(t), fmt.Sprintf("%s=%d", config.EnvBudget, r.budget))
	if h.Set {
		o.HeapLimit = h.Limit
	}
	if t.Target == "bundle" {
		o.NodeOptions = append(o.NodeOptions, "--expose-gc")
	}
	return script.Steps(r.settings, t.Package, t.Script, o)
}

// scriptOptions are what all processes of the run have in common.
func (r *run) scriptOptions() script.Options {
	o := script.Options{
		Environ:        r.environ,
		InitDir:        r.dir,
		Colour:         colour(r.environ, os.Stdout),
		PackageManager: r.config.Runner == config.RunnerPackageManager || r.ws.PnP,
	}
	if r.ws.Manager != workspace.Go && env(r.environ, "GOMEMLIMIT") == "" {
		// For esbuild, TypeScript 7 and their like: their collector works harder
		// from there on, below the warning threshold; it is no hard limit.
		o.Extra = append(o.Extra, fmt.Sprintf("GOMEMLIMIT=%d", r.budget*7/10))
	}
	return o
}

// running is the list of tasks that a process stands inside of, with this one.
func (r *run) running(t *taskgraph.Task) string {
	own := r.ws.Root + "\t" + t.ID
	if outer := env(r.environ, config.EnvRunning); outer != "" {
		return outer + "\n" + own
	}
	return own
}

// scriptArgs are what the request adds to a script's command line. Only the
// tasks of the requested target get them.
func (r *run) scriptArgs(t *taskgraph.Task) []string {
	if t.Target != r.Target {
		return nil
	}
	var args []string
	if r.Target == "test" && r.TestPath != nil {
		args = append(args, *r.TestPath)
	}
	if fixing, _ := script.Find(t.Package, script.LintFix); r.Target == "lint" && given(r.Fix) && t.Script != fixing {
		args = append(args, "--fix")
	}
	return args
}
