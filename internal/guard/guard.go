// Package guard runs the command of any task runner inside the memory that there is. The
// scripts that the runner starts wait until they fit, are frozen when memory is short, and are
// measured, learned and diagnosed like the tasks of a build. What they read and write is the
// runner's affair.
//
// A script reaches the guard through the shell that the runner starts it with, which is this
// program (package admission). What starts without a shell is found among the processes below
// the runner (package sighting). If this process dies, all of them run on.
package guard

import (
	"cmp"
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/handon"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/session"
	"github.com/heapmage/heapmage/internal/sighting"
	"github.com/heapmage/heapmage/internal/tally"
)

// target is what events call a guarded run.
const target = "guard"

// Options are what a user may choose.
type Options struct {
	// Command is a line for the system's shell. Its standard streams are ours.
	Command string
	// Retry names further scripts, separated by commas, that may run again after they were
	// stopped for memory.
	Retry string
	// Log is a file for the log; it is written anew. Empty means standard error.
	Log string
}

// Run runs a command. The error has its exit code, or 128 and the signal's number if one ended
// it.
func Run(ctx context.Context, o Options) error {
	if strings.TrimSpace(o.Command) == "" {
		return &problem.Error{What: "memory:guard needs -command=", Hint: `for instance: memory:guard -command="npx turbo run build"`}
	}
	session.KeepSmall()
	p, err := place.OpenAnywhere("")
	if err != nil {
		return err
	}
	prepared, err := p.Prepare(ctx, p.Workspace.All(), false)
	if err != nil {
		return err
	}
	session.Prepared(false)
	// What is left to do is short; on more processors threads would wake each other in vain.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	g := &guard{
		Prepared: prepared, again: namesOf(o.Retry), id: proc.NewRunID(), started: clock.Now(), said: &event.Once{},
		jobs: map[string]*job{}, names: map[string]int{}, seen: map[proctable.Identity]*job{}, young: map[proctable.Identity]birth{}, arrivals: make(chan schedule.Job), released: make(chan string), over: make(chan struct{}),
	}
	g.MayExceedBudget = g.Collects() && (g.Config.Retries == nil || *g.Config.Retries > 0)
	log := os.Stderr
	if o.Log != "" {
		if log, err = os.Create(o.Log); err != nil {
			return &problem.Error{Where: "-log=" + o.Log, What: "the file cannot be written", Cause: err, Hint: "name a file in a folder that is there"}
		}
		defer func() { _ = log.Close() }()
	}
	g.console = report.NewConsole(ctx, log, report.Colour(g.Environ, log), report.None)
	return g.run(ctx, o.Command)
}

// guard is one call of Run.
type guard struct {
	*place.Prepared
	again   map[string]bool // scripts that may run again by the user's word
	id      string
	started time.Time
	said    *event.Once

	state   *rundir.Run
	console *report.Console
	record  *report.Recorder // nil if nothing can be recorded
	session *session.Session
	agents  string            // folder of what Node processes preload; empty if they preload nothing
	server  *admission.Server // nil if scripts cannot be reached
	// arrivals and released go to the scheduler. over is closed once it takes no more.
	arrivals chan schedule.Job
	released chan string
	over     chan struct{}

	program string // this one
	command *command
	watcher *sighting.Watcher            // nil if it cannot be had
	seen    map[proctable.Identity]*job  // what it has seen and not yet seen to end; of the goroutine of look
	young   map[proctable.Identity]birth // what may be too short to be a job; likewise

	adding sync.WaitGroup // for jobs on their way to the scheduler

	mu    sync.Mutex      // guards all below
	jobs  map[string]*job // those that live, by ID
	names map[string]int  // how many of each task there were
	ended bool            // the command has
}

// run is the run from its first line to its last.
func (g *guard) run(ctx context.Context, command string) error {
	defer func() { g.state.Close() }()
	if err := g.open(ctx, command); err != nil {
		return cmp.Or(err, g.console.Close())
	}
	err := cmp.Or(g.do(ctx, command), g.close())
	handon.Run(ctx, g.Environ, g.Workspace.Root, g.id, g.console)
	return report.Leave(ctx, g.console, g.state.Shown, err)
}

// open opens the folder, the record and the session of the run, and what scripts reach it by.
func (g *guard) open(ctx context.Context, command string) error {
	var unwritten []event.Notice
	g.state, unwritten = rundir.Open(g.Workspace.Root, g.id)
	_ = g.Answers.Save() // at worst the next run asks again
	g.Notices = append(g.Notices, unwritten...)
	g.console.OpenLog = g.state.Read
	reporters := []tally.Reporter{&quietLog{Console: g.console, command: command}}
	if file, err := g.state.Record(); err == nil {
		g.record = report.NewRecorder(file)
		reporters = append(reporters, g.record)
	}
	var err error
	g.session, err = session.Open(ctx, session.Options{
		ID: g.id, MaxBudget: g.Granted, Undisturbed: g.Undisturbed, Thresholds: budget.Thresholds(g.Config.Monitor), Tick: g.Config.Monitor.Interval,
		Collect: g.Collects(), Cooldown: g.Config.GC.Cooldown, Reporters: reporters,
		First: event.RunStarted{
			Format: event.Format, Run: g.id, Target: target, Foreign: true, Mode: g.Mode, Root: g.Workspace.Root, Manager: g.ManagerName(),
			Budget: g.MaxBudget, BudgetSource: g.BudgetSource.String(), HeapLimit: g.HeapCeiling(), CPUs: g.CPUs(),
		},
	})
	if err != nil {
		g.closeRecord()
		return &problem.Error{What: "the memory of processes cannot be measured", Cause: err, Hint: "is /proc mounted?"}
	}
	if g.session.Heaps != nil {
		g.openAgents()
	}
	if g.program, err = os.Executable(); err == nil {
		g.server, err = admission.Listen(g.program)
	}
	if err != nil {
		text := "Scripts are measured, but cannot be held back: " + err.Error()
		if errors.Is(err, errors.ErrUnsupported) {
			text = "Scripts are measured, but cannot be held back on this system"
		}
		g.Notices = append(g.Notices, event.Notice{Kind: event.GuardBlind, Text: text})
	}
	return nil
}

// do runs the command, and what the guard does meanwhile.
func (g *guard) do(ctx context.Context, command string) error {
	for _, n := range g.Notices {
		g.sayOnce(n)
	}
	c, err := g.start(command)
	if err != nil {
		_ = g.finish(problem.ExitFailed)
		return err
	}
	var working sync.WaitGroup
	if g.server != nil {
		working.Go(g.accept)
	}
	working.Go(func() {
		g.await(ctx, c)
		g.leave()
		g.adding.Wait()
		close(g.arrivals)
	})
	working.Go(g.look)
	g.schedule(ctx)
	close(g.over)
	lives := g.lives()
	if g.server != nil {
		_ = g.server.Close(lives) // what is left there is harmless
	}
	if g.agents != "" && !lives { // else Node processes that start later need it
		_ = os.RemoveAll(g.agents)
	}
	working.Wait()
	return g.finish(c.code())
}

// openAgents makes the folder of what Node processes preload. Processes of other users, which
// scripts may start, read it, too.
func (g *guard) openAgents() {
	dir, err := os.MkdirTemp("", "heapmage-agents-")
	if err != nil {
		return // heap limits hold, and no garbage is collected
	}
	if os.Chmod(dir, 0o755) == nil { //nolint:gosec // it holds no secret
		g.agents = dir
	}
}

// schedule lets scripts run as they fit, until the command has ended.
func (g *guard) schedule(ctx context.Context) {
	sharing := g.session.Share()
	defer sharing.Leave()
	o := sharing.Options(schedule.Options{
		Slots: math.MaxInt, CPUs: math.Inf(1), // those of the runner hold
		HiddenWaits: true, KeepFrozen: true, Arrivals: g.arrivals, Released: g.released,
		Estimate: func(id string) (e schedule.Estimate) {
			if j := g.job(id); j != nil { // else it has ended, and its outcome is on the way
				e = j.estimate()
			}
			return e
		},
		Queued: func(id string) { g.session.Events.Emit(event.TaskQueued{Task: g.job(id).event}) },
	})
	if gc := g.session.GC; gc != nil {
		o.Collect = func() { gc.Short(ctx) }
	}
	memory := o.Memory
	o.Memory = func() schedule.Memory {
		m := memory()
		m.Rest += m.Tasks[commandID] // the runner's own
		return m
	}
	// Signals end the command, not the guard: its scripts are guarded until they have ended.
	schedule.Run(context.WithoutCancel(ctx), nil, o, func(_ context.Context, grant schedule.Grant) schedule.Attempt {
		return g.job(grant.ID).begin(grant)
	})
}

func (g *guard) job(id string) *job {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.jobs[id]
}

// leave lets everything go on that the command has left.
func (g *guard) leave() {
	g.mu.Lock()
	g.ended = true
	left := make([]*job, 0, len(g.jobs))
	for _, s := range g.jobs {
		left = append(left, s)
	}
	g.mu.Unlock()
	for _, s := range left {
		s.abandon()
	}
}

func (g *guard) close() error {
	err := g.session.Close()
	g.closeRecord()
	if err != nil {
		return &problem.Error{What: "this run could not be ended in order", Cause: err, Code: problem.ExitFailed}
	}
	return nil
}

// lives reports whether something of the command's tree lives.
func (g *guard) lives() bool {
	return g.session.Tasks(g.session.Meter.Now())[commandID] > 0
}

// closeRecord ends what the run is recorded in. No error of it changes how the run ended.
func (g *guard) closeRecord() {
	if g.record != nil {
		_ = g.record.Close()
	}
	_ = g.History.Close()
}

// finish emits how the run ended, and returns it as an error.
func (g *guard) finish(code int) error {
	g.session.Settle()
	if err := g.History.Flush(); err != nil {
		g.sayOnce(event.Notice{Kind: event.StateUnwritten, Text: "Lost: the next run will not know " + err.Error()})
	}
	now := g.session.Meter.Now()
	var f event.RunFinished
	g.session.Tally.Read(func(s *tally.State) { f = s.Summary() })
	f.Usage, f.Budget, f.Duration, f.ExitCode, f.Reason = now.Usage, g.Granted, clock.Since(g.started), code, ""
	if code != 0 {
		f.Reason = "the guarded command failed"
	}
	g.session.Events.Emit(f)
	if code == 0 {
		return nil
	}
	return &problem.Error{What: reasonOf(code), Code: code}
}

func (g *guard) sayOnce(n event.Notice) {
	if g.said.First(n) {
		g.session.Events.Emit(n)
	}
}

// identify returns the identity of a living process, whose start is zero if it is not known.
func identify(pid int) proctable.Identity {
	if p, err := proctable.Lookup(pid); err == nil {
		return p.Identity
	}
	return proctable.Identity{PID: pid}
}
