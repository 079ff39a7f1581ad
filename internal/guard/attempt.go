package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// oomScore makes the kernel kill scripts before this process and everything else.
const oomScore = 300

var (
	errAbandoned = errors.New("the guarded command has ended")
	errLost      = errors.New("the script is gone")
)

// attempt is one attempt at a script, from its grant to its outcome. It is the scheduler's
// handle of it.
type attempt struct {
	*job
	grant schedule.Grant
	began time.Time

	runner.Attempt // its freezes
	ctx            context.Context
	stop           context.CancelCauseFunc // with the reason; done if it is not guarded any more
	done           chan schedule.Outcome   // receives the one outcome; never closed

	leader   proctable.Identity // of its processes; zero before it runs; guarded by job.mu
	known    estimate.Prediction
	request  heap.Request
	limit    heap.Limit
	finished event.TaskFinished
}

// Done yields the outcome.
func (a *attempt) Done() <-chan schedule.Outcome { return a.done }

// Freeze stops the script from running, with all that it has started.
func (a *attempt) Freeze() {
	a.Attempt.Freeze()
	a.session.Correct(a.event, a.grant.Attempt, event.Paused)
}

// Thaw lets it go on.
func (a *attempt) Thaw() {
	a.Attempt.Thaw()
	a.session.Correct(a.event, a.grant.Attempt, event.Resumed)
}

// Stop ends the attempt to make room. One whose script waits for input could not run again: it
// goes on, and another is stopped after a while.
func (a *attempt) Stop(why schedule.Stop) {
	switch {
	case why == schedule.AsLast || !a.reads():
	case why == schedule.ForSmaller:
		why = schedule.AsLast // nothing else can be stopped
	default:
		return
	}
	a.stop(runner.StopCause(why))
}

// reads reports whether the script waits for its standard input, or did: another attempt would
// miss what this one has read. What a process looks like that is being ended tells nothing.
func (a *attempt) reads() bool {
	if a.open && !a.listens.Load() && proctable.AwaitsInput(a.leader) && a.ctx.Err() == nil {
		a.listens.Store(true)
	}
	return a.listens.Load()
}

// do runs the attempt to its end.
func (a *attempt) do() schedule.Outcome {
	defer a.stop(nil)
	set := a.choose()
	kills := runner.CountKills(nil)
	pid, err := a.process.start(a.ctx, set)
	if err != nil { // the runner has ended it before its turn
		a.Attempt.End()
		a.forget(a.job)
		return schedule.Outcome{Result: schedule.Failed}
	}
	mark := a.mark()
	a.session.Meter.Begin(mark, pid, nil)
	now := a.session.Meter.Now()
	a.session.Events.Emit(event.TaskStarted{Task: a.event, Attempt: a.grant.Attempt, Need: a.grant.Need, Basis: string(a.known.Basis), HeapLimit: a.limit.Size,
		Usage: now.Usage, Budget: now.Budget})
	a.mu.Lock()
	a.leader = identify(pid)
	a.mu.Unlock()
	tree := proc.Adopt(a.leader)
	proctable.RaiseOOMScore(pid, oomScore)
	a.Runs(tree)
	ended, err := a.waitFor(tree)
	res := runner.Result{Duration: clock.Since(a.began), Frozen: a.Attempt.End(), ExitCode: ended.Code, CPU: ended.User + ended.System}
	before, processes := a.session.Meter.Last(), a.session.Meter.Crowd(mark)
	peak, seen := a.session.Meter.End(mark, memtools.Bytes(ended.MaxRSS))
	res.Peak, res.CPU = peak, max(res.CPU, seen)
	if err != nil { // it goes on without us, or was killed with its shim
		a.finished = res.Event(err)
		a.finished.Status = event.Interrupted
		a.finish(schedule.Outcome{Result: schedule.Failed})
		return schedule.Outcome{Result: schedule.Failed}
	}
	cause := context.Cause(a.ctx)
	res.EndedBy(cause)
	e := oom.Evidence{
		ExitCode: ended.Code, Signal: ended.Signal, HeapLimit: a.limit.Diagnosed(a.MaxBudget), Heap: a.session.LargestHeap(a.id),
		Budget: before.Budget, Peak: peak, Processes: processes, Available: before.Available, AvailableKnown: true, MoreRoom: a.MoreRoom,
	}
	if ended.Signal != 0 {
		res.ExitCode, res.Signal = -1, oom.SignalName(ended.Signal)
	}
	if errors.Is(cause, runner.ErrPressure) {
		e.Stopped = oom.StopPressure
	} else if ended.Code != 0 || ended.Signal != 0 {
		e.CgroupOOMKill, e.HostOOMKill = kills.Since(nil)
	}
	res.Verdict = oom.Diagnose(e)
	a.finished = res.Event(nil)
	return a.finish(a.outcome(res, ended.Read))
}

// mark is what the session knows the job by.
func (j *job) mark() string { return j.session.ID + "/" + j.id }

// waitFor waits for the end of the attempt, and ends it if it must. A signal that the shim has
// passed on wakes a frozen script, which must see it.
func (a *attempt) waitFor(tree *proc.Foreign) (admission.Ended, error) {
	signals := a.process.passed()
	waiting := make(chan struct{})
	defer close(waiting)
	go func() {
		for {
			select {
			case <-signals:
				_ = tree.Resume()
			case <-waiting:
				return
			}
		}
	}()
	ended, err := a.process.wait(a.ctx)
	if a.ctx.Err() == nil || err == nil {
		return ended, err
	}
	if !errors.Is(context.Cause(a.ctx), runner.ErrPressure) {
		return ended, err
	}
	tree.Kill()
	return a.process.wait(context.Background())
}

// choose decides what the Node and Go processes of the attempt get, and returns the variables
// for that.
func (a *attempt) choose() map[string]string {
	set := map[string]string{}
	a.known = a.Predict(a.task, a.Sources.Of(a.task.Package))
	options, goLimit, settable := a.process.options()
	if !a.IsNode() || !settable {
		return set
	}
	a.request = a.HeapRequest(a.task, a.known)
	user, err := nodeoptions.Merge(a.Limits.Effective, nodeoptions.Text{From: environ.NodeOptions, Value: options})
	if err != nil {
		return set // Node refuses them, and tells why
	}
	a.request.User, a.request.UserSource = user.Limit, user.LimitFrom
	mayPreload := a.agents != "" && !a.Settings.Restricted(a.task.Package, a.task.Script)
	node := a.ChooseHeap(&a.request, a.known, a.grant.Before, mayPreload)
	a.limit = node.Limit
	size := memtools.Bytes(0)
	further := []string{memtools.Marker(a.mark())} // variables of what is preloaded
	if node.Flag {
		if size = a.limit.Size; user.Limit == 0 {
			further = append(further, environ.WorkerHeap+"="+nodeoptions.Megabytes(size))
		}
	}
	var ours []string
	if node.Preload {
		ours, _ = a.session.Heaps.OptionsIn(a.agents, further...) // without them nothing is collected
	}
	if node.Flag || len(ours) > 0 {
		set[environ.NodeOptions] = user.Text(ours, size)
	}
	if goLimit == "" {
		set[environ.GoMemLimit] = fmt.Sprint(int64(heap.GoLimit(a.MaxBudget)))
	}
	return set
}

// outcome decides what follows the attempt: another one, or nothing. read is set if the script
// has read its standard input.
func (a *attempt) outcome(res runner.Result, read bool) schedule.Outcome {
	o := schedule.Outcome{Result: schedule.Failed, Cause: res.Verdict.Cause}
	if a.finished.Status == event.Succeeded {
		return schedule.Outcome{}
	}
	if a.once || read || a.listens.Load() || a.container.Load() {
		return o
	}
	text := ""
	switch a.finished.Status {
	case event.Stopped:
		o, text = schedule.Outcome{Result: schedule.Again}, "it was stopped to make room: it runs again"
	case event.OutOfMemory:
		now := schedule.Memory{Budget: a.session.Meter.Last().Budget, Most: a.Undisturbed}
		var lacked schedule.Outcome
		if lacked, text = heap.RetryForOthers(res.Verdict.Cause, res.Peak, now, a.grant.Before); lacked.Result == schedule.Again {
			o, a.finished.ForOthers = lacked, true
			break
		}
		last := errors.Is(context.Cause(a.ctx), runner.ErrLast)
		o, text = heap.Retry(heap.Failure{
			Verdict: res.Verdict, Limit: a.limit, Heap: a.session.LargestHeap(a.id), Peak: res.Peak, Request: a.request, Before: a.grant.Before,
			Alone: a.grant.Alone || last, Retries: a.Config.Retries,
		})
		o.Need = estimate.RetryNeed(res.Peak)
	case event.Failed:
		if !res.FailedAfterPause() || a.grant.PausedBefore() > 0 {
			break
		}
		o.Result, o.Alone, o.Paused, o.Need = schedule.Again, true, res.Frozen, max(a.grant.Need, res.Peak)
		text = fmt.Sprintf("it was paused for %.2fs, which may be why it failed: it runs again, alone and without pauses", res.Frozen.Seconds())
	case event.Succeeded, event.TimedOut, event.Interrupted, event.Outdated:
	}
	if o.Result != schedule.Again {
		return o
	}
	if err := a.process.next(text); err != nil {
		return schedule.Outcome{Result: schedule.Failed, Cause: res.Verdict.Cause}
	}
	a.sayOnce(event.Notice{Kind: event.Retrying, Task: a.event.Label, Text: text})
	return o
}

// finish records and reports how the attempt ended, and lets the script end if there is no other.
func (a *attempt) finish(o schedule.Outcome) schedule.Outcome {
	f := &a.finished
	f.Task, f.Attempt, f.Retry = a.event, a.grant.Attempt, o.Result == schedule.Again
	f.PausedBefore = a.grant.PausedBefore()
	if f.Retry {
		f.Hint = ""
	} else if f.Status == event.OutOfMemory {
		a.session.Tally.Read(func(s *tally.State) { f.Curve = s.Curve(f.ID) })
	}
	a.remember()
	now := a.session.Meter.Now()
	f.Usage, f.Budget = now.Usage, now.Budget
	a.session.Events.Emit(*f)
	if !f.Retry {
		a.forget(a.job)
		a.process.finish()
	}
	return o
}

// remember adds the attempt to the history.
func (a *attempt) remember() {
	if a.container.Load() || a.lasting {
		return
	}
	if err := a.Remember(a.task, a.finished, a.grant.Need, a.limit.Size); err != nil {
		a.sayOnce(event.Notice{Kind: event.HistoryLost, Text: "The history cannot be written: " + err.Error()})
	}
}
