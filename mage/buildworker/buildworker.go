// Package buildworker is the built-in build worker. It runs the scripts of a
// workspace's packages as the tasks of a pool, like heapmage's own targets:
// measured, with heap limits that fit, and tried again if they run out of memory.
//
//	w, err := buildworker.Open(ctx, ".", nil)
//	…
//	defer w.Close()
//	p, err := pool.New(w.Program(), pool.Options{MaxWorkers: 2})
//	…
//	defer p.Shutdown(ctx)
//	result, err := pool.Do[buildworker.Result](ctx, p, pool.Task{Type: "buildPackage", Data: buildworker.Data{Workspace: "packages/core"}})
//
// The types of task are buildPackage, typecheck, test, lint and clean; [Data] is their
// data and [Result] their result. Each runs the script of one package, and does not
// build what that depends on.
//
// The workers are goroutines of this process, as of [pool.Handlers], so that they add
// nothing to the memory of the scripts. A script that runs out of memory takes down only
// its own processes.
package buildworker

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/heapmage/heapmage/internal/engine"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/worker"
)

// Data is the data of a task. Any other value with the same keys in JSON will do.
type Data struct {
	// Workspace is one package: its name, its folder, or the folder's last name. A
	// glob that matches several is an error. Empty means the root.
	Workspace string `json:"workspace"`
	// TestPath is passed to the script of a test task as an argument. Empty passes
	// none.
	TestPath string `json:"testPath,omitempty"`
	// Fix lets the linter of a lint task fix what it can. False only reports.
	Fix bool `json:"fix,omitempty"`
}

// Result is the result of a task; see [pool.Do]. A script that fails is a
// *[pool.TaskError] with the reason.
type Result struct {
	// Package is the name of the package, and Script that of its script, such as
	// "build".
	Package string `json:"package"`
	Script  string `json:"script"`
	// Duration is the wall time of the last attempt, in nanoseconds in JSON; CPU is
	// its processor time.
	Duration time.Duration `json:"duration"`
	CPU      time.Duration `json:"cpu"`
	// Peak is the highest usage of its processes, in bytes in JSON.
	Peak memtools.Bytes `json:"peak"`
	// Attempts is 1, or more if the script ran out of memory before.
	Attempts int `json:"attempts"`
	// Log is the path of the file that holds its output, under .heapmage.
	Log string `json:"log"`
}

// Worker runs the scripts of one workspace. It is safe for concurrent use. Two tasks
// for the same script of the same package run one after the other.
type Worker struct{ worker *engine.Worker }

// Open opens the workspace around dir, with its configuration. Mistakes in that are an
// error here. Until Close has returned, another goroutine writes heapmage's log to log;
// nil drops it, unlike in pool.Options. The
// run is recorded under .heapmage. ctx bounds the whole life of the worker: when it is
// done, the scripts that run are ended.
func Open(ctx context.Context, dir string, log io.Writer) (*Worker, error) {
	if log == nil {
		log = io.Discard
	}
	worker, err := engine.OpenWorker(ctx, dir, log)
	if err != nil {
		return nil, err
	}
	return &Worker{worker}, nil
}

// targets are the targets of the types of task.
var targets = map[string]string{
	"buildPackage": "build", "typecheck": "typecheck", "test": "test", "lint": "lint", "clean": "clean",
}

// Program returns the program for [pool.New]. pool.Options.MaxWorkers is how many
// scripts run at once; the Need of tasks and Options.Budget bound their memory.
func (w *Worker) Program() pool.Program {
	handlers := worker.Handlers{}
	for typ, target := range targets {
		handlers[typ] = worker.Func(func(ctx context.Context, d Data) (Result, error) { return w.do(ctx, target, d) })
	}
	return pool.Handlers(handlers)
}

func (w *Worker) do(ctx context.Context, target string, d Data) (Result, error) {
	packages := cmp.Or(d.Workspace, "//")
	request := engine.Request{Target: target, Packages: &packages, Fix: &d.Fix}
	if d.TestPath != "" {
		request.TestPath = &d.TestPath
	}
	f, err := w.worker.Do(ctx, request)
	return Result{Package: f.Package, Script: f.Script, Duration: f.Duration, CPU: f.CPU, Peak: f.Peak, Attempts: f.Attempt, Log: f.Log}, err
}

// Close ends the worker and completes the record of its run. Shut the pool down before.
func (w *Worker) Close() error { return w.worker.Close() }
