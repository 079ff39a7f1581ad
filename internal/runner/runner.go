// Package runner runs the processes of one task: it measures their memory, keeps
// their output, ends them all when it must, and diagnoses their failure. It never
// decides when a task runs.
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/taskcgroup"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// Runner runs tasks. Its fields are set once; Run may be called by many goroutines.
type Runner struct {
	// RunID marks every process of the run in its environment.
	RunID string
	// Meter measures the trees of the tasks.
	Meter *meter.Meter
	// OOMScoreAdj makes children the kernel's first choice when memory runs out,
	// from 0 (as they are) to 1000. Linux only.
	OOMScoreAdj int
	// Cgroups holds a cgroup for each attempt. Nil means that they have none.
	Cgroups *taskcgroup.Run
	// MoreRoom is passed on to oom.Evidence.
	MoreRoom func(memtools.Bytes) string
}

// Spec is one attempt at a task.
type Spec struct {
	// ID is the task's, such as "core#build".
	ID string
	// Steps run one after another until one fails.
	Steps []script.Step
	// Log takes the output. It must not fail.
	Log io.Writer
	// Output takes the output as it comes, beside the log. Nil means that it goes to
	// the log alone.
	Output io.Writer
	// Observer observes the processes. Nil means that nobody does.
	Observer *observe.Observer
	// Timeout ends the attempt once it has run for so long. Pauses do not count, nor
	// does the time for which this process was stopped. Zero means none.
	Timeout time.Duration
	// HeapLimit is V8's heap limit that Steps set, for the diagnosis; zero if unknown.
	// ScriptHeapLimits and HeapLimitUnsure are what the script does itself about it.
	HeapLimit        memtools.Bytes
	ScriptHeapLimits []memtools.Bytes
	HeapLimitUnsure  bool
	// Slow allows the kernel to slow the attempt down while memory is short; see
	// taskcgroup.Run.New.
	Slow bool
}

// Result is how an attempt ended.
type Result struct {
	// Duration is by package clock: without the time for which this process was stopped.
	Duration time.Duration
	// Frozen is the part of Duration for which the attempt was frozen.
	Frozen time.Duration
	// CPU is the processor time of all its processes.
	CPU time.Duration
	// Peak is the highest usage of the process tree.
	Peak memtools.Bytes
	// ExitCode is the script's; -1 if a signal ended it or it never started.
	ExitCode int
	Signal   string
	// MadeRoom is set if ErrPressure ended it, to make room, and ForOthers if that was
	// ErrOthers.
	MadeRoom, ForOthers bool
	outdated            bool // ErrOutdated ended it
	// Verdict is why it failed, or that it succeeded.
	Verdict oom.Verdict
	// Observation is what the processes did, if there was an Observer, or Blind why that is
	// not known.
	Observation observe.Observation
	Blind       error
}

// The reasons to end an attempt, as causes of its context. Any other cause is an
// interrupt.
var (
	ErrTimeout  = errors.New("timed out")
	ErrPressure = errors.New("stopped to keep the run inside its memory")
	// ErrOthers is ErrPressure if other programs hold the memory.
	ErrOthers = fmt.Errorf("%w: other programs hold it", ErrPressure)
	// ErrLast is ErrPressure for the last attempt that runs: no other can make room.
	ErrLast = fmt.Errorf("%w: nothing else could make room", ErrPressure)
	// ErrOutdated is an interrupt of a run that begins anew, as files have changed.
	ErrOutdated = errors.New("is out of date")
)

// StopCause is the cause with which an attempt is to be ended for a reason of the scheduler's.
func StopCause(why schedule.Stop) error {
	switch why {
	case schedule.ForOthers:
		return ErrOthers
	case schedule.AsLast:
		return ErrLast
	default:
		return ErrPressure
	}
}

// EndedBy notes the cause that the attempt's context had when it was over.
func (r *Result) EndedBy(cause error) {
	r.MadeRoom = errors.Is(cause, ErrPressure) && !errors.Is(cause, ErrLast)
	r.ForOthers = errors.Is(cause, ErrOthers)
	r.outdated = errors.Is(cause, ErrOutdated)
}

// Run runs the steps under the handle a. When ctx is done it ends every process of the
// task, which takes at most three seconds. The error is one of this machine (no shell),
// not of the script.
func (r *Runner) Run(ctx context.Context, s Spec, a *Attempt) (res Result, err error) {
	began := clock.Now()
	defer func() {
		res.Duration = clock.Since(began)
		res.Frozen = a.End()
		res.EndedBy(context.Cause(ctx))
	}()
	if s.Timeout > 0 {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		var watch sync.WaitGroup
		watch.Go(func() { a.endAfter(ctx, s.Timeout, func() { cancel(ErrTimeout) }) })
		defer func() { cancel(nil); watch.Wait() }()
	}
	x := execution{Runner: r, Spec: s, Attempt: a}
	if r.Cgroups != nil {
		if x.cgroup, _ = r.Cgroups.New(s.Slow); x.cgroup != nil { // else it runs without
			defer x.cgroup.Close()
		}
	}
	for _, step := range s.Steps {
		if err := x.step(ctx, step, &res); err != nil || !res.Verdict.Success() {
			return res, err
		}
	}
	return res, nil
}

// execution is one call of Run.
type execution struct {
	*Runner
	Spec
	*Attempt
	cgroup *taskcgroup.Group // nil if there is none
}

// step runs one process and adds what it did to res.
func (r execution) step(ctx context.Context, step script.Step, res *Result) error {
	var scanner oom.Scanner
	outputs := []io.Writer{r.Log, &scanner}
	if r.Output != nil {
		outputs = append(outputs, r.Output)
	}
	id := r.RunID + "/" + r.ID
	r.mayStart(ctx)
	if ctx.Err() != nil {
		res.ExitCode = -1
		res.Verdict = oom.Diagnose(oom.Evidence{ExitCode: -1, Stopped: stopOf(ctx), Budget: r.Meter.Last().Budget, Peak: res.Peak, MoreRoom: r.MoreRoom})
		return nil //nolint:nilerr // the verdict tells it
	}
	command := proc.Command{
		Args: step.Args, Dir: step.Dir, Env: step.Env, Output: io.MultiWriter(outputs...), ID: id, OOMScoreAdj: r.OOMScoreAdj, Observer: r.Observer,
	}
	if r.cgroup != nil {
		command.Cgroup = r.cgroup.Folder()
	}
	kills := CountKills(r.cgroup)
	p, err := proc.Start(command)
	if err != nil {
		return err
	}
	group := r.cgroup
	if !p.InCgroup() {
		group = nil
	}
	r.Meter.Begin(id, p.PID(), group)
	r.Runs(p)
	own := watchLimits(p)
	select {
	case <-p.Done():
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), ErrPressure) {
			p.Kill() // memory is short now: no time for a clean end
		} else {
			p.Stop()
		}
	}
	end := p.Wait()
	r.observed(ctx, p, res)
	before, processes := r.Meter.Last(), r.Meter.Crowd(id)
	peak, seen := r.Meter.End(id, end.MaxRSS)
	var cgroupKill, hostKill bool
	if !end.Success() {
		cgroupKill, hostKill = kills.Since(group)
	}
	smaller, ownKill := own.end()

	// The kernel counts only processes that were waited for: not esbuild's service,
	// which outlives the program that started it.
	res.CPU += max(end.User+end.System, seen)
	res.Peak = max(res.Peak, peak)
	res.ExitCode, res.Signal = end.ExitCode, end.Signal
	now := r.Meter.Last()
	stopped := oom.NotStopped
	if end.StoppedBy != proc.NotStopped {
		stopped = stopOf(ctx)
	}
	res.Verdict = oom.Diagnose(oom.Evidence{
		ExitCode: end.ExitCode, Signal: oom.SignalNumber(end.Signal), Seen: scanner.Findings(),
		HeapLimit: r.HeapLimit, ScriptHeapLimits: r.ScriptHeapLimits, HeapLimitUnsure: r.HeapLimitUnsure, Budget: now.Budget, Peak: peak, Processes: processes,
		Available: before.Available, AvailableKnown: true,
		CgroupOOMKill: cgroupKill, HostOOMKill: hostKill,
		OwnLimit: smaller.Size, OwnCgroup: smaller.Name, OwnOOMKill: ownKill,
		Stopped: stopped, MoreRoom: r.MoreRoom,
	})
	_ = end.OutputErr // that the output cannot be shown is no failure of the script
	return nil
}

// Kills is how many processes the kernel had killed for lack of memory at some moment.
type Kills struct {
	group      int64 // in the task's cgroup
	groupKnown bool
	all        memtools.OOMCounts
}

// CountKills counts them: in the cgroup g, if it is not nil, in that of this process, and on the
// machine.
func CountKills(g *taskcgroup.Group) (k Kills) {
	if g != nil {
		k.group, k.groupKnown = g.Kills()
	}
	k.all, _ = memtools.OOMKills() // unknown counts stay unknown in Since
	return k
}

// Since tells whether it has killed one since: in the cgroup g, which leaves nothing unknown;
// or where g is nil or does not say, in that of the run, or somewhere on the machine.
func (k Kills) Since(g *taskcgroup.Group) (cgroup, host bool) {
	if g != nil && k.groupKnown {
		if now, known := g.Kills(); known {
			return now > k.group, false
		}
	}
	now, _ := memtools.OOMKills()
	grown := now.Since(k.all)
	return grown.Cgroup.Value > 0, grown.Host.Value > 0
}

// finishTime is how long the keeper may take to tell what it has seen.
const finishTime = 10 * time.Second

// observed adds what a step did to what those before it did.
func (r execution) observed(ctx context.Context, p *proc.Process, res *Result) {
	if r.Observer == nil || res.Blind != nil || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, finishTime, errors.New("the keeper does not answer"))
	defer cancel()
	o, err := p.Observed(ctx)
	if err != nil {
		res.Blind = err
		return
	}
	res.Observation = res.Observation.Then(o)
}

// stopOf returns the reason to end what runs under ctx, which is done.
func stopOf(ctx context.Context) oom.Stop {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrTimeout):
		return oom.StopTimeout
	case errors.Is(cause, ErrPressure):
		return oom.StopPressure
	default:
		return oom.StopInterrupt
	}
}
