package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Worker is a workspace whose packages' scripts are run on request, measured and
// recorded like those of a build. Its methods may be called by many goroutines.
type Worker struct {
	run *run
	end context.CancelFunc

	mu   sync.Mutex // guards busy
	busy map[string]*sync.Mutex
}

// OpenWorker opens the workspace around dir. The log goes to out; only Close waits
// for it, until ctx is done.
func OpenWorker(ctx context.Context, dir string, out io.Writer) (*Worker, error) {
	here, err := place.Open(dir, "")
	if err != nil {
		return nil, err
	}
	p, err := here.Prepare(ctx, here.Workspace.All(), false)
	if err != nil {
		return nil, err
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	w := &Worker{run: &run{prepared: &prepared{p}, target: "build", graph: &taskgraph.Graph{}, started: clock.Now(), said: &event.Once{}, before: &outputs.Listings{}}, end: cancel, busy: map[string]*sync.Mutex{}}
	w.run.console = report.NewConsole(outer, out, report.Colour(p.Environ, out), w.run.show())
	if err := w.run.open(ctx, proc.NewRunID(), nil); err != nil {
		cancel()
		err = errors.Join(err, w.run.console.Close())
		w.run.state.Close()
		return nil, err
	}
	return w, nil
}

// Close ends the worker. No script may be running.
func (w *Worker) Close() error {
	w.run.tellLosses()
	w.end()
	err := w.run.close()
	_ = w.run.console.Close() // what the caller's writer refuses is in the logs
	w.run.state.Close()
	return err
}

// Do runs the one script that a request names, without what its package depends on, and
// returns how the last attempt ended.
func (w *Worker) Do(ctx context.Context, request Request) (event.TaskFinished, error) {
	alone := true
	request.NoDeps = &alone
	planned, err := plan.New(request, w.run.Setting())
	if err != nil {
		return event.TaskFinished{}, err
	}
	if err := planned.CheckReentry(w.run.Running); err != nil {
		return event.TaskFinished{}, err
	}
	if len(planned.Graph.Tasks) != 1 {
		return event.TaskFinished{}, errors.New(Or(request.Packages, "//") + " is not one package: give each its own task")
	}
	t := planned.Graph.Tasks[0]
	defer w.lock(t.ID)()
	r := *w.run
	r.target = request.Target
	g := schedule.Grant{Job: schedule.Job{ID: t.ID}}
	for {
		g.Estimate = r.estimate(t)
		g.Attempt++
		a := r.newAttempt(ctx, t, g)
		o := a.do()
		switch o.Result {
		case schedule.Again:
			g.Before = append(g.Before, o)
		case schedule.Failed:
			return a.finished, fmt.Errorf("%s failed after %.2fs: %s", t.ID, a.finished.Duration.Seconds(), a.finished.Reason)
		case schedule.Done:
			return a.finished, nil
		}
	}
}

// lock keeps two tasks for the same script of a package from running at once.
func (w *Worker) lock(id string) (unlock func()) {
	w.mu.Lock()
	m := w.busy[id]
	if m == nil {
		m = &sync.Mutex{}
		w.busy[id] = m
	}
	w.mu.Unlock()
	m.Lock()
	return m.Unlock
}
