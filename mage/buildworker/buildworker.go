// Package buildworker is the built-in build worker: a pool's worker that runs the
// scripts of a workspace's packages, measured, with heap limits that fit, and
// tried again after a memory failure, as heapmage's own targets run them.
//
//	w, err := buildworker.Open(ctx, ".", nil)
//	…
//	defer w.Close()
//	p, err := pool.New(w.Program(), pool.Options{MaxWorkers: 2})
//	…
//	result, err := p.Exec(ctx, pool.Task{Type: "buildPackage", Data: buildworker.Data{Workspace: "packages/core"}})
//
// The types of task are buildPackage, typecheck, test, lint and clean. Each runs
// the script of that one package; what the package depends on is not built.
//
// The worker is functions in this process, so that nothing is added to what each
// script's own processes take: their isolation is what keeps a failure apart.
package buildworker

import (
	"context"
	"io"

	"github.com/heapmage/heapmage/internal/engine"
	"github.com/heapmage/heapmage/pool"
)

// Data is what a task is given. As JSON its keys are workspace, testPath and fix.
type Data = engine.Work

// Result is what a task answers; see pool.Answer.Decode. A script that fails is a
// *pool.TaskError with the reason.
type Result = engine.Worked

// Worker runs the scripts of one workspace. Its methods may be called by many
// goroutines; two tasks for the same script of the same package wait for each
// other.
type Worker struct{ worker *engine.Worker }

// Open opens the workspace around dir, with its configuration. The log of what is
// run goes to log; nil means nowhere. What runs is recorded under .heapmage, and
// ends when ctx is done.
func Open(ctx context.Context, dir string, log io.Writer) (*Worker, error) {
	if log == nil {
		log = io.Discard
	}
	w, err := engine.OpenWorker(ctx, dir, log)
	if err != nil {
		return nil, err
	}
	return &Worker{w}, nil
}

// Program is the worker for pool.New.
func (w *Worker) Program() pool.Program { return pool.Handlers(w.worker.Handlers()) }

// Close ends the worker. Its pool must have been shut down.
func (w *Worker) Close() error { return w.worker.Close() }
