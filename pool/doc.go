// Package pool runs tasks in worker processes with isolated memory. A task that
// runs out of memory takes down only its own worker.
//
//	p, err := pool.New(pool.NodeScript("./buildWorker.js"), pool.Options{MaxWorkers: 4})
//	…
//	defer p.Shutdown(ctx)
//	answer, err := p.Exec(ctx, pool.Task{Type: "buildPackage", Data: map[string]string{"workspace": "packages/core"}})
//
// Every task gets exactly one answer, and no process is left when
// [Pool.Shutdown] has returned. A [Program] decides what a worker is: a Node
// script, any program that speaks the protocol of docs/worker-protocol.md, or
// this program once more.
//
// A pool costs three goroutines, three more for each worker process, and the
// process itself: at its start a Node worker uses about 8 MB, a Go worker 1.5 MB.
// Worker processes need a Unix system; elsewhere tasks fail with a [StartError]
// that wraps errors.ErrUnsupported.
//
// [Local] runs typed jobs on goroutines of this process, on every system.
package pool
