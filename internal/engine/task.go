package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/estimate"
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
func (r *run) attempt(runs context.Context, t unit, g schedule.Grant) schedule.Outcome {
	ctx, stop := context.WithCancelCause(runs)
	defer stop(nil)
	r.began(g, stop)
	known := r.predict(t.Task)
	h := r.heapOf(t, known)
	r.warn(t, h)
	f := event.TaskFinished{Task: r.describe(t.Task), Attempt: g.Attempt, Log: r.state.log(t.ID, g.Attempt)}
	r.events.Emit(event.TaskStarted{Task: f.Task, Attempt: g.Attempt, Need: g.Need, Basis: string(known.Basis), HeapLimit: h.Limit})
	r.memory(event.BeforeTask, t.ID, r.meter.Now())

	var res runner.Result
	steps, err := r.steps(t, h, h.Limit > r.budget || worthSeeing(known, r.atOnce(), r.budget))
	if err == nil {
		res, err = r.runner.Run(ctx, runner.Spec{ID: t.ID, Steps: steps, Log: f.Log, Timeout: r.config.TaskFor(t.Package.Keys(), t.Target).Timeout, HeapLimit: h.toBlame(r.budget)})
	}
	f.Duration, f.Frozen, f.CPU, f.Peak, f.ExitCode, f.Signal = res.Duration, res.Frozen, res.CPU, res.Peak, res.ExitCode, res.Signal
	f.Status, f.Cause = statusOf(res.Verdict), string(res.Verdict.Cause)
	switch {
	case err != nil:
		f.Status, f.Cause, f.ExitCode = event.Failed, string(oom.Failure), -1
		f.Reason, f.Hint, _ = strings.Cut(err.Error(), "\n💡 ")
	case f.Status == event.OutOfMemory && errors.Is(context.Cause(ctx), runner.ErrPressure) && context.Cause(ctx) != errLast:
		f.Status, f.Reason = event.Stopped, res.Verdict.Reason()
	case f.Status != event.Succeeded:
		f.Reason, f.Hint = res.Verdict.Reason(), res.Verdict.Advice
	}
	outcome, notice := r.outcome(ctx, t, g, h, f, res)
	if f.Retry = outcome.Result == schedule.Again; f.Retry {
		f.Hint = "" // the user need not act
	}
	r.ends(t, g, h, f, res)
	r.sayOnce(notice)
	if now := r.meter.Last(); r.gc != nil && now.Level != memtools.Normal {
		r.gc.Between(runs)
	}
	return outcome
}

// began notes what runs now.
func (r *run) began(g schedule.Grant, stop context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.active[g.ID]
	if a == nil { // no scheduler announced it
		a = &active{}
		r.active[g.ID] = a
	}
	a.stop, a.need = stop, g.Need
	if a.stopped != nil {
		stop(a.stopped)
	}
}

// ends tells and remembers how an attempt ended.
func (r *run) ends(t unit, g schedule.Grant, h heap, f event.TaskFinished, res runner.Result) {
	r.mu.Lock()
	if f.Status == event.OutOfMemory && !f.Retry {
		f.Curve = r.active[t.ID].curve.points
	}
	delete(r.active, t.ID)
	r.ended = append(r.ended, f)
	r.mu.Unlock()
	r.remember(t, g, h, f)
	r.events.Emit(f)
	r.memory(event.AfterTask, t.ID, r.meter.Now())
}

// warn says what is odd about a task before it starts.
func (r *run) warn(t unit, h heap) {
	r.sayOnce(h.Notice)
	label, text := r.labels[t.Package.Name], t.Package.Scripts[t.Script]
	if own, ok := script.OverrideIn(text, r.limits.Effective); ok && r.ws.Manager != workspace.Go {
		r.sayOnce(event.Notice{Kind: event.OwnOptions, Task: label, Text: fmt.Sprintf("its script sets %s itself, which goes before heapmage's heap limit", own.Text)})
	}
	if endless.MatchString(text) {
		r.sayOnce(event.Notice{Kind: event.StillRunning, Task: label, Text: "its script watches for changes and may never end",
			Hint: "take the watch flag out of the script, name another one, or set a timeout, under tasks: in " + config.FileName})
	}
}

// outcome decides what comes after an attempt: what depends on it, nothing, or
// another attempt, for which it makes the way free.
func (r *run) outcome(ctx context.Context, t unit, g schedule.Grant, h heap, f event.TaskFinished, res runner.Result) (schedule.Outcome, event.Notice) {
	o := schedule.Outcome{Result: schedule.Failed}
	var notice event.Notice
	switch f.Status {
	case event.Succeeded:
		return schedule.Outcome{}, notice
	case event.Stopped:
		o.Result = schedule.Again
	case event.OutOfMemory:
		if cause := context.Cause(ctx); cause == nil || cause == errLast {
			g.Alone = g.Alone || cause == errLast // nothing else was left to stop
			o, notice = r.again(t, g, h, res)
		}
	case event.Failed, event.TimedOut, event.Interrupted:
	}
	if o.Result == schedule.Again {
		if err := r.removeHalfWritten(t.Task, res.Started); err != nil {
			notice = event.Notice{Kind: event.Retrying, Task: f.Label, Text: "what its stopped attempt wrote cannot be removed: " + err.Error()}
			o.Result = schedule.Failed
		}
	}
	return o, notice
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
// remembers the heap limit that it then gets: after a full V8 heap a larger one,
// where there is room for it; what was killed runs again alone, with no more than
// the budget bears.
func (r *run) again(t unit, g schedule.Grant, h heap, res runner.Result) (schedule.Outcome, event.Notice) {
	failed := schedule.Outcome{Result: schedule.Failed}
	n := event.Notice{Kind: event.Retrying, Task: r.labels[t.Package.Name]}
	v := res.Verdict
	kind := "killed"
	heapFull := v.Cause == oom.V8Heap || v.Cause == oom.NodeWorker
	if heapFull {
		kind = "heap"
	}
	tight := r.heapRequest(t.Task, r.predict(t.Task))
	tight.Fits = false
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failures[t.ID+" "+kind]++; r.failures[t.ID+" "+kind] > r.retries() {
		return failed, event.Notice{}
	}
	again := schedule.Outcome{Result: schedule.Again, Need: estimate.RetryNeed(res.Peak)}
	if heapFull {
		// Without a limit in the verdict the heap died far below ours: the script
		// sets its own, and raising ours would change nothing.
		raised, ok := h.raised(r.heapRequest(t.Task, estimate.Prediction{}))
		if !ok || v.Limit == 0 && v.Cause == oom.V8Heap {
			return failed, event.Notice{}
		}
		r.heaps[t.ID] = raised
		n.Text = fmt.Sprintf("trying again with the heap limit raised from %v to %v", h.Limit, raised.Limit)
		return again, n
	}
	again.Alone = true
	if tight := heapFor(tight); tight.Limit < h.Limit && h.Limit > r.budget && fromOutside(v.Cause) {
		tight.Notice = event.Notice{} // n says it
		r.heaps[t.ID] = tight
		n.Text = fmt.Sprintf("trying again, alone, with a heap limit of %v instead of %v", tight.Limit, h.Limit)
		return again, n
	}
	if alone := g.Alone || r.slots() == 1; alone && r.Mode != event.Safe && r.config.Retries == nil {
		return failed, event.Notice{} // nothing would be different, unless the user knows better
	}
	n.Text = "trying again, alone"
	return again, n
}

// fromOutside reports whether a task was ended because of what it used, whatever its
// own limits were.
func fromOutside(c oom.Cause) bool {
	return c == oom.KernelOOM || c == oom.KernelOOMSuspected || c == oom.PressureStop
}

// retries is how often a task is tried again after each kind of memory failure.
func (p *prepared) retries() int {
	if p.config.Retries == nil {
		return 1
	}
	return *p.config.Retries
}

// heapOf is the heap limit that a task gets now.
func (r *run) heapOf(t unit, known estimate.Prediction) heap {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h, ok := r.heaps[t.ID]; ok {
		return h
	}
	return r.heapNow(t.Task, known)
}

// heapNow is the heap limit of a task's first attempt.
func (p *prepared) heapNow(t *taskgraph.Task, known estimate.Prediction) heap {
	return heapFor(p.heapRequest(t, known))
}

// heapRequest is what decides the heap limit of a task of which this much is known.
func (p *prepared) heapRequest(t *taskgraph.Task, known estimate.Prediction) heapRequest {
	r := heapRequest{
		Budget: p.budget, Young: p.settings.Node.YoungGeneration, Ceiling: p.heapCeiling(),
		Package: p.config.Lookup(t.Package.Keys()).HeapLimit.Of(p.limits.Effective),
		User:    p.settings.UserHeapLimit, UserSource: p.settings.UserHeapSource,
		Fits: p.ample && known.Peak > 0 && known.Peak <= p.budget && !known.Killed,
	}
	if known.Basis == estimate.FromHistory {
		r.Learned, r.Proven = known.Need, known.Heap
	}
	if r.User > p.budget && env(p.environ, config.EnvRunning) != "" {
		r.User = 0 // an outer heapmage's, which knew what fits
	}
	return r
}

// steps are the processes of a task.
func (r *run) steps(t unit, h heap, see bool) ([]script.Step, error) {
	o := r.scriptOptions()
	if r.server != nil && see {
		o.NodeOptions, o.Extra = append(o.NodeOptions, r.server.Options()...), append(o.Extra, r.server.Env()...)
	}
	o.Args = t.args
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

// small is the peak up to which a task's Node processes are not looked into: it
// would cost them about 8 MB and 60 ms of processor time each, for a heap that has
// little garbage.
const small = 300 * memtools.MB

// worthSeeing decides whether the agent is loaded into a task's Node processes:
// not where it is known that memory cannot get short, even with as many of its
// kind as may run at once.
func worthSeeing(known estimate.Prediction, atOnce int, budget memtools.Bytes) bool {
	return known.Basis != estimate.FromHistory || known.Need > small+small/10 && known.Need*memtools.Bytes(atOnce) > budget/2
}

// atOnce is how many tasks may run at once.
func (p *prepared) atOnce() int {
	return schedule.Options{Slots: p.slots(), CPUs: p.cpus()}.MostAtOnce()
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
func (r *run) running(t unit) string {
	own := r.ws.Root + "\t" + t.ID
	if outer := env(r.environ, config.EnvRunning); outer != "" {
		return outer + "\n" + own
	}
	return own
}

// unit is a task with what the request adds to its script's command line.
type unit struct {
	*taskgraph.Task
	args []string
}

// unit makes a task one of the request. Only the tasks of the requested target
// get further arguments.
func (r Request) unit(t *taskgraph.Task) unit {
	u := unit{Task: t}
	if t.Target != r.Target {
		return u
	}
	if r.Target == "test" && r.TestPath != nil {
		u.args = append(u.args, *r.TestPath)
	}
	if fixing, _ := script.Find(t.Package, script.LintFix); r.Target == "lint" && given(r.Fix) && t.Script != fixing {
		u.args = append(u.args, "--fix")
	}
	return u
}
