package engine

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/session"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

// watchInterval is the time between two memory lines of Watch, unless configured.
const watchInterval = 5 * time.Second

// Watch prints the memory of a command that it starts, and collects garbage in its Node
// processes; or it measures a running process and its descendants.
func Watch(ctx context.Context, command, pid string) error {
	if (command == "") == (pid == "") {
		return &problem.Error{What: "memory:watch needs -command= or -pid=", Hint: `for instance: mage memory:watch -command="node server.js"`}
	}
	environ := os.Environ()
	c, err := config.FromEnvironment(environ)
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
	most, _ := budget.Max(event.Parallel, c.Budget, limits)
	w := watch{environ: environ, console: newConsole(ctx, environ, report.Live)}
	w.Session, err = session.Open(ctx, session.Options{
		ID: proc.NewRunID(), MaxBudget: most, Thresholds: budget.Thresholds(c.Monitor), Tick: tick,
		Collect: command != "" && (c.GC.Auto == nil || *c.GC.Auto), Cooldown: c.GC.Cooldown, Reporters: []tally.Reporter{w.console},
	})
	if err != nil {
		return cmp.Or(err, w.console.Close())
	}
	switch {
	case w.HeapsErr != nil:
		err = w.HeapsErr
	case command != "":
		err = w.command(ctx, command)
	default:
		err = w.process(ctx, pid)
	}
	return leave(ctx, w.console, "", cmp.Or(err, w.Close()))
}

// watch is one call of Watch.
type watch struct {
	*session.Session
	environ []string
	console *report.Console
}

// command runs a command to its end.
func (w watch) command(ctx context.Context, text string) error {
	environ := w.environ
	if w.Heaps != nil {
		var err error
		if environ, err = script.WithNodeOptions(append(environ, w.Heaps.Env()...), w.Heaps.Options()...); err != nil {
			return &problem.Error{What: err.Error(), Hint: "fix its quotes"}
		}
	}
	id := w.ID + "/watch"
	p, err := proc.Start(proc.Command{Args: script.Shell(text), Env: environ, Output: w.console.Output("command", ""), ID: id})
	if err != nil {
		return err
	}
	w.Meter.Begin(id, p.PID())
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
	if !end.Success() {
		return &problem.Error{What: strings.TrimRight(fmt.Sprintf("the command failed: exit code %d %s", end.ExitCode, end.Signal), " "), Code: problem.ExitFailed}
	}
	return nil
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
	w.Meter.Begin(w.ID+"/watch", pid)
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
