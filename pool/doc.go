// Package pool runs tasks in worker processes with isolated memory: a task that
// fails for memory takes its worker with it and nothing else. Every task gets
// exactly one answer, and no process is left when Shutdown has returned.
//
//	p, err := pool.New(pool.NodeScript("./buildWorker.js"), pool.Options{MaxWorkers: 4})
//	…
//	defer p.Shutdown(ctx)
//	result, err := p.Exec(ctx, pool.Task{Type: "buildPackage", Data: map[string]string{"workspace": "packages/core"}})
//
// What a worker is, a [Program] says: a Node script, any program that speaks the
// protocol of docs/worker-protocol.md, this same program once more, or functions
// in this process.
//
// It costs three goroutines, three more for each worker process, and the process
// itself: about 8 MB of usage for a Node worker and 1.5 MB for a Go worker, as
// they start.
// Worker processes need a Unix system; functions in this process do not.
package pool
