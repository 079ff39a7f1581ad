package engine

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// Run runs a target and prints its log. The error says what failed; its
// ExitStatus is the exit code, one of package problem's.
func Run(ctx context.Context, request Request) error {
	// This process is to be small beside those that it starts. A collection takes
	// some milliseconds, and so little is allocated that there are few.
	debug.SetGCPercent(25)
	p, err := prepare(ctx, request)
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // what was read to prepare is garbage now
	ctx, release := stoppable(ctx)
	defer release()
	r := &run{prepared: p, id: proc.NewRunID(), started: time.Now()}
	if err := r.open(ctx, os.Stdout); err != nil {
		return err
	}
	err = r.do(ctx)
	return cmp.Or(err, r.close())
}

// run is one run of a target, from its first line to its last.
type run struct {
	*prepared
	id      string
	started time.Time
	state   state
	console *report.Console
	record  *report.Recorder
	events  *event.Stream
	meter   *meter.Meter
	// sampled wakes the scheduler after a sample; the meter sends and never waits.
	sampled chan struct{}
	// stopMeter ends the meter's goroutine and waits for it.
	stopMeter func()
	runner    *runner.Runner
	// server speaks with the Node processes of the run, and gc has them collect;
	// both are nil where that is switched off or cannot be had.
	server      *v8heap.Server
	gc          *collector
	forgetHeaps func() // the server's folder was removed

	mu    sync.Mutex // guards all below
	heaps map[string]heap
	said  map[string]bool // notices that were given, by task and text
	ended []event.TaskFinished
	// skipped counts the tasks that did not run, pauses those that were frozen.
	skipped, pauses int
	// failures counts an attempt's memory failures, by task and kind.
	failures map[string]int
	// active are the attempts that run, by task.
	active map[string]*active
	// unused is the integral of what was reserved and not used, in bytes times seconds.
	unused     float64
	lastSample time.Time
	// tasksFrom and tasksTo are when the first task started and the last ended,
	// area the integral of usage between, in bytes times seconds.
	tasksFrom, tasksTo time.Time
	area               float64
}

// active is what a run knows of an attempt while it lasts.
type active struct {
	stop    context.CancelCauseFunc // nil until it has begun
	stopped error                   // why it was stopped before that
	need    memtools.Bytes          // that is reserved
	curve   curve
}

// open makes what the run writes to and measures with.
func (r *run) open(ctx context.Context, out io.Writer) error {
	var err error
	var notices []event.Notice
	if r.state, notices, err = openState(r.ws.Root, r.id); err == nil {
		r.record, err = report.NewRecorder(filepath.Join(r.state.dir, "events.jsonl"))
	}
	if err != nil {
		return &problem.Error{Where: stateDir, What: "nothing can be recorded", Cause: err, Hint: "make room on the disk, or the workspace's folder writable"}
	}
	r.notices = append(r.notices, notices...)
	r.heaps, r.said = map[string]heap{}, map[string]bool{}
	r.failures, r.active = map[string]int{}, map[string]*active{}
	r.sampled = make(chan struct{}, 1)
	r.console = report.NewConsole(out, colour(r.environ, out), r.live())
	r.events = event.NewStream(time.Now, r.console, r.record)
	r.meter, err = meter.New(meter.Options{
		Budget:     r.budget,
		Thresholds: memtools.Thresholds{Warning: r.config.Monitor.Warning / 100, Critical: r.config.Monitor.Critical / 100},
		Tick:       r.config.Monitor.Interval,
		OnTick:     func(now meter.Reading) { r.memory(event.AtTick, "", now) },
		OnSample: func(now meter.Reading) {
			r.follow(now)
			select {
			case r.sampled <- struct{}{}:
			default:
			}
		},
		OnCritical: func(meter.Reading) {
			if r.gc != nil {
				r.gc.Critical(ctx)
			}
		},
		OnLevel: func(now meter.Reading) {
			r.events.Emit(event.Pressure{Level: now.Level, Usage: now.Usage, Budget: now.Budget})
		},
	})
	if err != nil {
		return &problem.Error{What: "the memory of processes cannot be measured", Cause: err, Hint: "is /proc mounted?"}
	}
	// Without the reaper a killed run leaves its processes, but builds all the same.
	if pid, err := proc.Reaper(); err == nil && pid > 0 {
		r.meter.BeginOne(r.id+"/reaper", pid)
	}
	r.runner = &runner.Runner{RunID: r.id, Meter: r.meter, Live: r.console, OOMScoreAdj: firstToDie}
	r.openHeaps()
	metering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	gone := make(chan struct{})
	go func() { defer close(gone); r.meter.Run(metering) }()
	r.stopMeter = func() { cancel(); <-gone }
	return nil
}

// collects reports whether garbage is to be collected in Node processes.
func (p *prepared) collects() bool {
	return p.ws.Manager != workspace.Go && (p.config.GC.Auto == nil || *p.config.GC.Auto)
}

// openHeaps starts the server that sees into Node processes. Without it the
// build goes on, and its memory is known from outside alone.
func (r *run) openHeaps() {
	if !r.collects() {
		return
	}
	var err error
	if r.server, err = v8heap.Listen(""); err != nil {
		r.ample = false
		r.notices = append(r.notices, event.Notice{Kind: event.GCUnavailable, Text: "No garbage can be collected in Node processes: " + err.Error()})
		return
	}
	r.forgetHeaps = proc.RemoveOnDeath(r.server.Dir())
	r.gc = newCollector(r.server, r.config.GC.Cooldown, r.meter.Now, r.events.Emit)
	r.gc.task, r.gc.frozen = r.taskOf, r.runner.Frozen
}

func (r *run) closeHeaps() error {
	if r.server == nil {
		return nil
	}
	r.gc.Wait()
	defer r.forgetHeaps()
	return r.server.Close()
}

// taskOf is the task that a process's mark names: that of this run, where runs
// are nested.
func (r *run) taskOf(mark string) string {
	for one := range strings.SplitSeq(mark, ";") {
		if id, ok := strings.CutPrefix(one, r.id+"/"); ok {
			return id
		}
	}
	return ""
}

// firstToDie makes children the kernel's choice before this process and what
// else runs on the machine. More would have tiny helpers die first.
const firstToDie = 300

// live says whether scripts' output is shown as it comes.
func (r *run) live() bool { return r.slots() == 1 || len(r.graph.Tasks) == 1 || mg.Verbose() }

// slots is how many tasks may run at once; zero means as many as the processors
// and the memory bear.
func (p *prepared) slots() int {
	if p.Mode != event.Parallel {
		return 1
	}
	return p.config.Concurrency
}

// cpus is how many processors a run may use.
func (p *prepared) cpus() float64 {
	n := float64(runtime.NumCPU())
	if p.limits.CPUQuota > 0 {
		n = min(n, p.limits.CPUQuota)
	}
	return n
}

func (r *run) close() error {
	r.stopMeter()
	err := errors.Join(r.closeHeaps(), r.meter.Close(), r.record.Close())
	if r.history != nil {
		err = errors.Join(err, r.history.Close())
	}
	proc.Shutdown()
	r.state.close()
	if err == nil {
		return nil
	}
	return &problem.Error{Where: r.state.shown, What: "the record of this run is not whole", Cause: err, Hint: "make room on the disk", Code: problem.ExitFailed}
}

// do runs the tasks, and all that goes before and after them.
func (r *run) do(ctx context.Context) error {
	manager := strings.TrimRight(string(r.ws.Manager)+" "+r.ws.ManagerVersion, " ")
	r.events.Emit(event.RunStarted{
		Run: r.id, Target: r.Target, Mode: r.Mode, Root: r.ws.Root, Manager: manager, Tasks: len(r.graph.Tasks),
		Budget: r.budget, BudgetSource: r.budgetSource, HeapLimit: r.heapCeiling(),
	})
	for _, n := range r.notices {
		r.events.Emit(n)
	}
	err := r.check()
	if err == nil {
		r.memory(event.AtStart, "", r.meter.Now())
		err = r.install(ctx)
	}
	if err == nil {
		err = r.schedule(ctx)
	}
	return r.finish(ctx, err)
}

// schedule runs the tasks. The error is not one of a task.
func (r *run) schedule(ctx context.Context) error {
	units, err := r.openPool(r.graph.Tasks)
	if err != nil {
		return err
	}
	tasks := units.tasks
	var jobs []schedule.Job
	for _, t := range r.graph.Tasks {
		job := schedule.Job{ID: t.ID}
		for _, a := range t.After {
			job.After = append(job.After, a.ID)
		}
		jobs = append(jobs, job)
	}
	acts := hands{r, ctx, tasks}
	o := schedule.Options{
		Slots: r.slots(), CPUs: r.cpus(),
		Memory: r.measured, Measured: r.sampled,
		Estimate:      func(id string) schedule.Estimate { return r.estimate(tasks[id]) },
		Collect:       acts.Collect,
		KeepFrozen:    r.config.OnPressure == config.OnPressureSuspend,
		StopAtFailure: r.config.KeepGoing != nil && !*r.config.KeepGoing,
		Skipped: func(id, because string) {
			r.skipped++
			skipped := event.TaskSkipped{Task: r.describe(tasks[id])}
			if because != "" {
				failed := r.describe(tasks[because])
				skipped.Because = &failed
			}
			r.events.Emit(skipped)
		},
	}
	if o.Slots > 0 {
		o.CPUs = math.Inf(1) // the number is an order: what a task keeps busy does not matter
	}
	r.ended = make([]event.TaskFinished, 0, len(jobs))
	r.tasksFrom = time.Now()
	area := r.meter.Area()
	schedule.Run(ctx, jobs, o, acts.start(units.exec))
	r.tasksTo, r.area = time.Now(), r.meter.Area()-area
	if r.gc != nil {
		r.gc.Wait() // before the end of the run is told
	}
	return units.close()
}

// finish tells how the run ended and returns that as an error.
func (r *run) finish(ctx context.Context, err error) error {
	f := event.RunFinished{Target: r.Target, Skipped: r.skipped, Duration: time.Since(r.started)}
	now := r.meter.Now()
	f.Usage, f.Budget, f.Peak = now.Usage, now.Budget, r.meter.Peak()
	var names []string
	outOfMemory := false
	for _, t := range r.ended {
		switch {
		case t.Retry:
			f.Retries++
		case t.Status == event.Succeeded:
			f.Succeeded++
			f.Serial += min(t.Duration, t.CPU)
		default:
			f.Failed++
			names = append(names, t.Label)
			outOfMemory = outOfMemory || t.Status == event.OutOfMemory
		}
	}
	code, reason := exitFor(ctx)
	known := (*problem.Error)(nil)
	switch {
	case code != 0: // whatever else failed for it
		f.ExitCode, f.Reason, err = code, r.Target+" "+reason, nil
	case err != nil && errors.As(err, &known):
		f.ExitCode, f.Reason = known.ExitStatus(), known.What
	case f.Failed > 0:
		slices.Sort(names)
		f.ExitCode, f.Reason = problem.ExitFailed, r.Target+" failed: "+strings.Join(names, ", ")
		if outOfMemory {
			f.ExitCode, f.Reason = problem.ExitOutOfMemory, r.Target+" failed for memory: "+strings.Join(names, ", ")
		}
	}
	r.account(&f)
	r.events.Emit(f)
	if err != nil || f.ExitCode == 0 {
		return err
	}
	return &problem.Error{What: f.Reason, Code: f.ExitCode}
}

func (r *run) memory(moment event.Moment, task string, now meter.Reading) {
	r.events.Emit(event.Memory{Moment: moment, Task: task, Usage: now.Usage, Budget: now.Budget})
}

// sayOnce gives a notice unless it was given before in this run.
func (r *run) sayOnce(n event.Notice) {
	r.mu.Lock()
	key := n.Task + "\t" + n.Text
	first := n.Text != "" && !r.said[key]
	r.said[key] = true
	r.mu.Unlock()
	if first {
		r.events.Emit(n)
	}
}

// heapCeiling is the most that a Node process's heap limit may be.
func (p *prepared) heapCeiling() memtools.Bytes {
	if p.config.HeapLimit.IsZero() {
		return modes[p.Mode].heapLimit
	}
	return p.config.HeapLimit.Of(p.limits.Effective)
}
