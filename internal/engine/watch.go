package engine

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// watchInterval is the time between two memory lines of Watch, where no other
// is configured.
const watchInterval = 5 * time.Second

// Watch prints the memory of a command that it starts, with automatic garbage
// collection in its Node processes, or of a process that runs already, whose
// tree it measures only.
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
	ctx, release := stoppable(ctx)
	defer release()
	w := &watch{console: report.NewConsole(os.Stdout, colour(environ, os.Stdout), true), id: proc.NewRunID() + "/watch"}
	w.events = event.NewStream(time.Now, w.console)
	budget, _ := budgetFor(event.Parallel, c, limits)
	tick := c.Monitor.Interval
	if tick == 0 {
		tick = watchInterval
	}
	w.meter, err = meter.New(meter.Options{
		Budget: budget, Tick: tick,
		Thresholds: memtools.Thresholds{Warning: c.Monitor.Warning / 100, Critical: c.Monitor.Critical / 100},
		OnTick: func(now meter.Reading) {
			w.events.Emit(event.Memory{Moment: event.AtTick, Usage: now.Usage, Budget: now.Budget})
		},
		OnLevel: func(now meter.Reading) {
			w.events.Emit(event.Pressure{Level: now.Level, Usage: now.Usage, Budget: now.Budget})
		},
		OnCritical: func(meter.Reading) {
			if w.gc != nil {
				w.gc.Critical(ctx)
			}
		},
	})
	if err != nil {
		return err
	}
	defer func() { _ = w.meter.Close() }() // it was read from only
	if pid != "" {
		return w.process(ctx, pid)
	}
	return w.command(ctx, command, environ, c)
}

// watch is one call of Watch.
type watch struct {
	id      string
	console *report.Console
	events  *event.Stream
	meter   *meter.Meter
	gc      *collector
}

// command runs a command to its end.
func (w *watch) command(ctx context.Context, text string, environ []string, c *config.Config) error {
	server, err := v8heap.Listen("")
	if err != nil {
		return err
	}
	forget := proc.RemoveOnDeath(server.Dir())
	defer func() {
		_ = server.Close() // the folder is temporary, and the reaper looks after it too
		forget()
		proc.Shutdown()
	}()
	if c.GC.Auto == nil || *c.GC.Auto {
		w.gc = newCollector(server, c.GC.Cooldown, w.meter.Now, w.events.Emit)
	}
	environ, err = script.WithNodeOptions(append(environ, server.Env()...), server.Options()...)
	if err != nil {
		return &problem.Error{What: err.Error(), Hint: "mend its quotes"}
	}
	p, err := proc.Start(proc.Command{Args: script.Shell(text), Env: environ, Output: w.console, ID: w.id})
	if err != nil {
		return err
	}
	w.meter.Begin(w.id, p.PID())
	w.until(ctx, p.Done())
	p.Stop() // does nothing to a command that has ended
	end := p.Wait()
	if w.gc != nil {
		w.gc.Wait()
	}
	if code, reason := exitFor(ctx); code != 0 {
		return &problem.Error{What: reason, Code: code}
	}
	fmt.Printf("📊 peak %v\n", w.meter.Peak())
	if !end.Success() {
		return &problem.Error{What: fmt.Sprintf("the command failed: exit code %d %s", end.ExitCode, end.Signal), Code: problem.ExitFailed}
	}
	return nil
}

// process watches a process that is not ours until it ends.
func (w *watch) process(ctx context.Context, text string) error {
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return &problem.Error{What: fmt.Sprintf("-pid=%s is not a process id", text), Hint: "ps lists them"}
	}
	root, err := memtools.Identify(pid)
	if err != nil {
		return &problem.Error{What: fmt.Sprintf("there is no process %d", pid), Hint: "ps lists them"}
	}
	w.meter.Begin(w.id, pid)
	gone := make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	go func() {
		defer close(gone)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for root.Alive() && watching.Err() == nil {
			select {
			case <-tick.C:
			case <-watching.Done():
			}
		}
	}()
	w.until(ctx, gone)
	stop()
	<-gone
	fmt.Printf("📊 peak %v\n", w.meter.Peak())
	return nil
}

// until prints memory lines until done or ctx is.
func (w *watch) until(ctx context.Context, done <-chan struct{}) {
	metering, cancel := context.WithCancel(ctx)
	metered := make(chan struct{})
	go func() { defer close(metered); w.meter.Run(metering) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	cancel()
	<-metered
}
