package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/session"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

// watchInterval is the time between two memory lines of Watch, unless configured.
const watchInterval = 5 * time.Second

// Watch prints the memory of a command that it starts, and collects garbage in its Node
// processes; or it measures a running process and its descendants.
func Watch(ctx context.Context, command, pid string) error {
	if (command == "") == (pid == "") {
		return &problem.Error{What: "memory:watch needs -command= or -pid=", Hint: `for instance: memory:watch -command="node server.js"`}
	}
	env := os.Environ()
	c, err := config.FromEnvironment(env)
	if err != nil {
		return err
	}
	limits, err := memtools.ReadLimits()
	if err != nil {
		return err
	}
	ctx, release := session.Stoppable(ctx)
	defer release()
	tick := c.Monitor.Interval
	if tick == 0 {
		tick = watchInterval
	}
	most, _ := budget.Max(event.Parallel, budget.Setting{Size: c.Budget, Variable: c.BudgetVariable}, limits)
	w := watch{environ: env, console: report.Open(ctx, env, report.Live)}
	w.Session, err = session.Open(ctx, session.Options{
		ID: proc.NewRunID(), MaxBudget: most, Thresholds: budget.Thresholds(c.Monitor), Tick: tick,
		Collect: command != "" && (c.GC.Auto == nil || *c.GC.Auto), Cooldown: c.GC.Cooldown, Reporters: []tally.Reporter{w.console},
	})
	if err != nil {
		return cmp.Or(err, w.console.Close())
	}
	switch {
	case command != "":
		err = w.command(ctx, command)
	default:
		err = w.process(ctx, pid)
	}
	return report.Leave(ctx, w.console, "", cmp.Or(err, w.Close()))
}

// watch is one call of Watch.
type watch struct {
	*session.Session
	environ []string
	console *report.Console
}

// command runs a command to its end.
func (w watch) command(ctx context.Context, text string) error {
	in, endInput, err := input()
	if err != nil {
		return err
	}
	defer endInput()
	id := w.ID + "/watch"
	p, err := proc.Start(proc.Command{Args: script.Shell(text), Env: w.visible(text), Stdin: in, Output: w.console.Output("command", ""), ID: id})
	if err != nil {
		return err
	}
	w.Meter.Begin(id, p.PID(), nil)
	select {
	case <-p.Done():
	case <-ctx.Done():
	}
	p.Stop() // does nothing to a command that has ended
	end := p.Wait()
	w.Settle() // no memory line comes after the peak
	if code, reason := session.Exit(ctx); code != 0 {
		return &problem.Error{What: reason, Code: code}
	}
	w.peak()
	return commandError(end)
}

// visible is the command's environment: one with which its Node processes can be looked
// into, if that is possible. Otherwise a line tells why not, and the command runs without.
func (w watch) visible(text string) []string {
	err := w.HeapsErr
	switch {
	case err == nil && w.Heaps == nil:
		return w.environ // not wanted
	case err == nil && (nodeoptions.Restricts(text) || nodeoptions.Restricts(environ.Value(w.environ, environ.NodeOptions))):
		err = errors.New("they run under Node's permission model")
	case err == nil:
		var env []string
		if env, err = nodeoptions.Add(w.environ, w.Heaps.Options()...); err == nil {
			return append(env, w.Heaps.Env()...)
		}
	}
	w.Events.Emit(event.Notice{Kind: event.GCUnavailable, Text: "No garbage can be collected in Node processes: " + err.Error()})
	return w.environ
}

// commandError is how a command ended, with its exit code; nil if it succeeded. A signal
// has the code that a shell gives it.
func commandError(end proc.Result) error {
	switch signal := oom.SignalNumber(end.Signal); {
	case end.Success():
		return nil
	case signal > 0:
		return &problem.Error{What: "the command was ended by " + end.Signal, Code: 128 + signal}
	case end.ExitCode > 0:
		return &problem.Error{What: fmt.Sprintf("the command failed: exit code %d", end.ExitCode), Code: end.ExitCode}
	}
	return &problem.Error{What: "the command failed", Code: problem.ExitFailed}
}

// alivePoll is the time between two checks whether a process that is not ours is alive.
const alivePoll = 250 * time.Millisecond

// process watches a process that is not ours until it ends.
func (w watch) process(ctx context.Context, text string) error {
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return &problem.Error{What: fmt.Sprintf("-pid=%s is not a process id", text), Hint: "ps lists them"}
	}
	root, err := memtools.Identify(pid)
	if err != nil {
		return &problem.Error{What: fmt.Sprintf("there is no process %d", pid), Hint: "ps lists them"}
	}
	w.Meter.Begin(w.ID+"/watch", pid, nil)
	tick := time.NewTicker(alivePoll)
	defer tick.Stop()
	for root.Alive() && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	w.Settle() // no memory line comes after the peak
	w.peak()
	return nil
}

func (w watch) peak() {
	w.Tally.Read(func(s *tally.State) { fmt.Fprintf(w.console, "📊 peak %v\n", s.Peak) })
}
