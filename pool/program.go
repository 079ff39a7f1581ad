package pool

import (
	"fmt"
	"os"
	"slices"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/pool/internal/channel"
	"github.com/heapmage/heapmage/pool/internal/process"
)

// Program is what the workers of a pool are. [NodeScript], [Command], [Self] and
// [Handlers] make one.
type Program interface {
	// open checks what can be checked before the first worker.
	open(Options, *process.Log) (factory, error)
}

// NodeScript makes each worker a Node process that runs a script, started with
// flags such as "--expose-gc". A relative path starts at the working folder of
// this process, not at Options.Dir. node is looked up on the PATH. The script may
// be an ES module, CommonJS, or TypeScript if Node itself runs that (22.18 and
// newer). It is written in one of two ways:
//
//   - for a worker thread: it takes tasks, as {type, data}, with parentPort of
//     node:worker_threads, and answers with parentPort.postMessage;
//   - for a process: the same with process.on('message') and process.send.
//
// The first message after a task is its answer. {success: true, result} is the
// result, {success: false, error} a failure, and anything else the result itself.
// A script that takes its time can watch task.signal, an AbortSignal that fires
// when the answer is not awaited any more.
func NodeScript(path string, flags ...string) Program { return nodeScript{path, flags} }

type nodeScript struct {
	path  string
	flags []string
}

func (s nodeScript) open(o Options, log *process.Log) (factory, error) {
	p, err := process.NodeScript(s.path, s.flags, o.HeapLimit)
	if err != nil {
		return nil, err
	}
	return newProcesses(p, o, log)
}

// Command makes each worker a process of a program that speaks the protocol of
// docs/worker-protocol.md, such as one that calls worker.Main, started with args.
// A program without a slash is looked up on the PATH.
func Command(program string, args ...string) Program {
	return command(append([]string{program}, args...))
}

type command []string

func (c command) open(o Options, log *process.Log) (factory, error) {
	return newProcesses(process.Command(slices.Clone(c), o.HeapLimit), o, log)
}

// Self makes each worker a process of this program, started with args. Its main
// function must call worker.Main before anything else.
func Self(args ...string) Program { return self(args) }

type self []string

func (s self) open(o Options, log *process.Log) (factory, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return command(append([]string{path}, s...)).open(o, log)
}

// processes is the factory of workers that are processes.
type processes struct {
	*process.Group
	gauge *gauge // nil if memory cannot be measured
}

func newProcesses(p process.Program, o Options, log *process.Log) (_ factory, err error) {
	g := &process.Group{Program: p, Dir: o.Dir, Env: o.Env, HeapLimit: o.HeapLimit, MaxFrame: o.MaxFrame, Log: log, RunID: proc.NewRunID()}
	if g.Poller, err = channel.NewPoller(); err != nil {
		p.Close()
		return nil, err
	}
	f := &processes{Group: g}
	switch g.Tracker, err = memtools.NewTracker(); {
	case err == nil:
		f.gauge = newGauge(g.Tracker, g.ID)
	case o.Budget > 0 || o.RecycleMemory > 0:
		p.Close()
		g.Poller.Close()
		return nil, fmt.Errorf("measure the memory of workers: %w", err)
	}
	return f, nil
}

func (f *processes) start(n int, news process.News) backend { return processWorker{f.Start(n, news)} }

func (f *processes) explain(output string) (name, hint string) {
	return f.Program.Name, f.Program.Hint(output)
}

func (f *processes) close() { f.Program.Close() }

// processWorker is the backend of a worker process.
type processWorker struct{ *process.Worker }

func (w processWorker) give(j *job) bool     { return w.Give(j.frame) }
func (w processWorker) cancel(id uint64)     { w.Cancel(id) }
func (w processWorker) retire()              { w.Retire() }
func (w processWorker) end(r process.Reason) { w.End(r) }
