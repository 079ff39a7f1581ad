// Package pool runs tasks in worker processes with isolated memory. A task that
// runs out of memory takes down only its own worker.
//
//	p, err := pool.New(pool.NodeScript("./buildWorker.js"), pool.Options{MaxWorkers: 4})
//	…
//	defer p.Shutdown(ctx)
//	answer, err := p.Exec(ctx, pool.Task{Type: "buildPackage", Data: map[string]string{"workspace": "packages/core"}})
//
// Every task gets exactly one answer, and no process is left when
// [Pool.Shutdown] has returned. The error tells whether the task failed
// ([TaskError]), its worker died ([CrashError], with the reason and whether it was
// memory), or none could be started ([StartError]).
//
// A [Program] decides what a worker is: [NodeScript], [Command] for any program
// that speaks the protocol of docs/worker-protocol.md, or [Self] for this program
// once more, with package worker. [Handlers] are functions of this process.
//
// A pool costs three goroutines, three more for each worker process, and the
// process itself: at its start a Node worker uses about 8 MB, a Go worker 1.5 MB.
// Worker processes need a Unix system; elsewhere tasks fail with a [StartError]
// that wraps errors.ErrUnsupported.
//
// [Local] is a pool of another kind: typed jobs on goroutines of this process,
// without workers, on every system.
package pool
