package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/worker"
)

// workTargets are the targets of the build worker by its types of task.
var workTargets = map[string]string{
	"buildPackage": "build", "typecheck": "typecheck", "test": "test", "lint": "lint", "clean": "clean",
}

// Work is a task for the build worker.
type Work struct {
	// Workspace is the package: its name, its folder or the folder's last name. Empty
	// means the root.
	Workspace string `json:"workspace"`
	// TestPath is handed to the test script.
	TestPath string `json:"testPath,omitempty"`
	// Fix has the linter fix what it can.
	Fix bool `json:"fix,omitempty"`
}

// Worked is the answer to a task of the build worker.
type Worked struct {
	// Package and Script are what ran.
	Package string `json:"package"`
	Script  string `json:"script"`
	// Duration and CPU are the wall and processor time of the last attempt, in
	// nanoseconds.
	Duration time.Duration `json:"duration"`
	CPU      time.Duration `json:"cpu"`
	// Peak is the highest usage of its processes, in bytes.
	Peak memtools.Bytes `json:"peak"`
	// Attempts is more than 1 if it ran out of memory before.
	Attempts int `json:"attempts"`
	// Log is the file that holds its output.
	Log string `json:"log"`
}

// Worker is a workspace whose packages' scripts are run on request, measured and
// recorded like those of a build. Its methods may be called by many goroutines.
type Worker struct {
	run *run
	end context.CancelFunc

	mu   sync.Mutex // guards busy
	busy map[string]*sync.Mutex
}

// OpenWorker opens the workspace around dir. The log goes to out.
func OpenWorker(ctx context.Context, dir string, out io.Writer) (*Worker, error) {
	place, err := open(dir, "")
	if err != nil {
		return nil, err
	}
	p, err := place.prepare(ctx, plan.Packages(place.ws))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &Worker{run: &run{prepared: p, target: "build", graph: &taskgraph.Graph{}, started: time.Now(), said: &notices{}}, end: cancel, busy: map[string]*sync.Mutex{}}
	show := report.Held
	if p.slots() == 1 {
		show = report.Live
	}
	if err := w.run.open(ctx, proc.NewRunID(), nil, output{out, show}); err != nil {
		cancel()
		return nil, err
	}
	return w, nil
}

// Close ends the worker. No script may be running.
func (w *Worker) Close() error {
	w.end()
	return w.run.close()
}

// Handlers are the build worker's, for pool.Handlers.
func (w *Worker) Handlers() worker.Handlers {
	h := worker.Handlers{}
	for typ, target := range workTargets {
		h[typ] = worker.Func(func(ctx context.Context, work Work) (Worked, error) { return w.Do(ctx, target, work) })
	}
	return h
}

// Do runs the script of one package for a target. It does not run what the package
// depends on.
func (w *Worker) Do(ctx context.Context, target string, work Work) (Worked, error) {
	planned, err := w.plan(target, work)
	if err != nil {
		return Worked{}, err
	}
	t := planned.Graph.Tasks[0]
	defer w.lock(t.ID)()
	r := *w.run
	r.target, r.args = target, planned.Args
	g := schedule.Grant{Job: schedule.Job{ID: t.ID}}
	for {
		g.Estimate = r.estimate(t)
		g.Attempt++
		a := r.newAttempt(ctx, t, g)
		o := a.do()
		if o.Result == schedule.Again {
			g.Before = append(g.Before, o)
			continue
		}
		f := a.finished
		done := Worked{Package: t.Package.Name, Script: t.Script, Duration: f.Duration, CPU: f.CPU, Peak: f.Peak, Attempts: g.Attempt, Log: f.Log}
		if o.Result == schedule.Failed {
			return done, fmt.Errorf("%s failed after %.2fs: %s", t.ID, f.Duration.Seconds(), f.Reason)
		}
		return done, nil
	}
}

// plan finds the one task that is meant.
func (w *Worker) plan(target string, work Work) (*plan.Plan, error) {
	if work.Workspace == "" {
		work.Workspace = "."
	}
	alone := true
	request := Request{Target: target, Packages: &work.Workspace, NoDeps: &alone, Fix: &work.Fix}
	if work.TestPath != "" {
		request.TestPath = &work.TestPath
	}
	planned, err := plan.New(request, w.run.ws, w.run.config)
	if err != nil {
		return nil, err
	}
	if len(planned.Graph.Tasks) != 1 {
		return nil, errors.New(work.Workspace + " is more than one package: give each a task of its own")
	}
	return planned, nil
}

// lock keeps two tasks of the same script of the same package apart.
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
