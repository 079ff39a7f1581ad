package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools/oom"
	"github.com/heapmage/heapmage/pool"
)

// The guide's first example: a pool of buildWorker.js.
func TestGuideBuildWorker(t *testing.T) {
	need(t, "node")
	p, err := pool.New(pool.NodeScript("./testdata/buildWorker.js"), pool.Options{
		MaxWorkers: 4, MinWorkers: 0, IdleTimeout: time.Minute, Verbose: true, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	result, err := p.Exec(soon(t), pool.Task{Type: "buildPackage", Data: map[string]string{"workspace": "packages/core"}})
	if err != nil {
		t.Fatal(err)
	}
	var built struct {
		Workspace string
		Built     bool
	}
	if err := result.Decode(&built); err != nil || built.Workspace != "packages/core" || !built.Built {
		t.Errorf("result %s, %v", result.Value, err)
	}
	_, err = p.Exec(soon(t), pool.Task{Type: "buildPackage", Data: map[string]string{"workspace": "packages/broken"}})
	var failed *pool.TaskError
	if !errors.As(err, &failed) || failed.Message != "cannot build packages/broken" {
		t.Errorf("success: false gives %v", err)
	}
	s := p.Stats()
	if s.TotalWorkers != 1 || s.IdleWorkers != 1 || s.BusyWorkers != 0 || s.QueuedTasks != 0 || s.TotalTasksCompleted != 1 || s.TotalTasksFailed != 1 {
		t.Errorf("stats %+v", s)
	}
	if err := p.Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
	if s := p.Stats(); s.TotalWorkers != 0 || s.TotalWorkersCrashed != 0 {
		t.Errorf("after shutdown %+v", s)
	}
}

const myWorker = `
%s

async function processTask(task) {
  if (task.data.fail) throw new Error('no ' + task.type);
  return { type: task.type, data: task.data };
}

parentPort.on('message', async (task) => {
  try {
    const result = await processTask(task);
    parentPort.postMessage({ success: true, result });
  } catch (error) {
    parentPort.postMessage({
      success: false,
      error: error.message,
    });
  }
});
`

// The guide's second example: a script that the user writes.
func TestGuideCustomWorker(t *testing.T) {
	need(t, "node")
	for _, c := range []struct{ name, file, head string }{
		{"ES module", "myWorker.mjs", `import { parentPort } from 'node:worker_threads';`},
		{"ES module that imports all", "myWorker.mjs", `import * as threads from 'worker_threads'; const { parentPort } = threads;`},
		{"ES module after a top-level await", "myWorker.mjs", `import { parentPort } from 'node:worker_threads'; await new Promise((done) => setTimeout(done, 20));`},
		{"CommonJS", "myWorker.cjs", `const { parentPort } = require('worker_threads');`},
		{"a script that leaves the main thread alone", "myWorker.cjs",
			`const { parentPort, isMainThread } = require('worker_threads'); if (isMainThread) throw new Error('not a worker');`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPool(t, pool.NodeScript(script(t, c.file, fmt.Sprintf(myWorker, c.head))), pool.Options{MaxWorkers: 8, Verbose: true, Log: t.Output()})
			var all sync.WaitGroup
			for n := range 40 {
				all.Go(func() {
					got, err := p.Exec(soon(t), pool.Task{Type: "myTask", Data: map[string]any{"n": n, "fail": n%4 == 0}})
					switch {
					case n%4 == 0 && (err == nil || err.Error() != "no myTask"):
						t.Errorf("task %d: %v", n, err)
					case n%4 != 0 && (err != nil || !strings.Contains(string(got.Value), fmt.Sprintf(`"n":%d}`, n))):
						t.Errorf("task %d: %s, %v", n, got.Value, err)
					}
				})
			}
			all.Wait()
		})
	}
}

func TestNodeScript(t *testing.T) {
	need(t, "node")
	exec := func(t *testing.T, text string, task pool.Task) (string, error) {
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", text)), pool.Options{MaxWorkers: 1})
		r, err := p.Exec(soon(t), task)
		return string(r.Value), err
	}
	for _, c := range []struct{ name, text, want string }{
		{"takes a script that listens on process", `process.on('message', ({type, data}) => process.send({type, double: data * 2}))`, `{"type":"t","double":42}`},
		{"takes success from a script that listens on process", `process.on('message', (m) => process.send({success: true, result: m.data}))`, `21`},
		{"takes an event listener", `require('worker_threads').parentPort.addEventListener('message', (e) => require('worker_threads').parentPort.postMessage(e.data.data))`, `21`},
		{"takes onmessage", `const {parentPort: p} = require('worker_threads'); p.onmessage = (e) => p.postMessage([e.data.data])`, `[21]`},
		{"takes a listener for one message", `const {parentPort: p} = require('worker_threads'); p.once('message', (m) => p.postMessage(m.data))`, `21`},
		{"turns no value into null", `process.on('message', () => process.send(undefined))`, `null`},
		{"keeps a success without a result whole", `process.on('message', () => process.send({success: true, files: 3}))`, `{"success":true,"files":3}`},
		{"shows the script nothing but type and data", `process.on('message', (m) => process.send(Object.keys(m)))`, `["type","data"]`},
		{"leaves worker threads of the script alone", `
			const { Worker, isMainThread } = require('node:worker_threads');
			process.on('message', () => new Worker("const p = require('node:worker_threads').parentPort; p.postMessage('from a thread')", {eval: true})
				.on('message', (m) => process.send([m, isMainThread])))`, `["from a thread",true]`},
		{"leaves forks of the script alone", `
			const { fork } = require('node:child_process');
			if (process.argv[2] === 'child') { process.send({success: false, mine: 1}); }
			else process.on('message', () => fork(__filename, ['child']).on('message', (m) => process.send([m])))`, `[{"success":false,"mine":1}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := exec(t, c.text, pool.Task{Type: "t", Data: 21}); err != nil || got != c.want {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
	for _, c := range []struct{ name, text, want string }{
		{"takes an Error as the reason", `process.on('message', () => process.send({success: false, error: new TypeError('bad type')}))`, "bad type"},
		{"reports that there is no reason", `process.on('message', () => process.send({success: false}))`, "the worker reports a failure without a reason"},
		{"reports an answer that is not JSON", `process.on('message', () => process.send({big: 1n}))`, "the answer cannot be sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := exec(t, c.text, pool.Task{Type: "t"})
			var failed *pool.TaskError
			if !errors.As(err, &failed) || !strings.HasPrefix(failed.Message, c.want) {
				t.Errorf("got %v; want %s", err, c.want)
			}
		})
	}
	t.Run("gives no task the late message of another", func(t *testing.T) {
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", `
			let first = null;
			process.on('message', async ({data}) => {
				if (first) { first(); await new Promise((done) => setTimeout(done, 20)); }
				else new Promise((resolve) => { first = resolve; }).then(() => process.send('late'));
				process.send(data);
			})`)), pool.Options{MaxWorkers: 1})
		for n := range 3 {
			if got := mustExec(t, p, pool.Task{Data: n}); got != fmt.Sprint(n) {
				t.Errorf("task %d was answered %s", n, got)
			}
		}
	})
	t.Run("carries a megabyte both ways, whatever is in it", func(t *testing.T) {
		text := strings.Repeat("a\n\"\\\u2028é😀<&>\x00", 60_000)
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", `process.on('message', (m) => process.send(m.data))`)), pool.Options{MaxWorkers: 1})
		for range 3 {
			if got, err := pool.Do[string](soon(t), p, pool.Task{Data: text}); err != nil || got != text {
				t.Errorf("%d bytes came back as %d, %v", len(text), len(got), err)
			}
		}
	})
	t.Run("tells the script that its answer is not awaited any more", func(t *testing.T) {
		events := newJournal()
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", `
			process.on('message', (m) => {
				if (m.type === 'quick') return process.send('quick');
				m.signal.addEventListener('abort', () => process.send('aborted'));
			})`)), pool.Options{MaxWorkers: 1, CancelGrace: hang, OnEvent: events.note})
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { events.await(t, pool.TaskStarted, 1); cancel(errors.New("changed my mind")) }()
		if _, err := p.Exec(ctx, pool.Task{Type: "slow"}); err == nil || err.Error() != "changed my mind" {
			t.Errorf("got %v", err)
		}
		if got := mustExec(t, p, pool.Task{Type: "quick"}); got != `"quick"` {
			t.Errorf("the next task was answered %s", got)
		}
		if n := len(events.all(pool.WorkerReady)); n != 1 {
			t.Errorf("%d workers, want the same one", n)
		}
	})
	t.Run("has the heap limit of the options", func(t *testing.T) {
		text := `process.on('message', () => process.send(require('v8').getHeapStatistics().heap_size_limit / 1048576))`
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", text)), pool.Options{MaxWorkers: 1, HeapLimit: 300 << 20})
		got, err := pool.Do[float64](soon(t), p, pool.Task{})
		if err != nil || got < 300 || got > 600 {
			t.Errorf("limit %v MB, %v", got, err)
		}
	})
	t.Run("ends with its own handles open when the pool is shut down", func(t *testing.T) {
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", `setInterval(() => {}, 1000); process.on('message', () => process.send(1))`)), pool.Options{MaxWorkers: 1})
		mustExec(t, p, pool.Task{})
	})
}

func TestNodeTypeScript(t *testing.T) {
	need(t, "node")
	text := `
		import { parentPort } from 'node:worker_threads';
		interface Task { type: string; data: number }
		parentPort!.on('message', (task: Task) => parentPort!.postMessage({ success: true, result: task.data + 1 }));`
	p := newPool(t, pool.NodeScript(script(t, "w.mts", text)), pool.Options{MaxWorkers: 1})
	r, err := p.Exec(soon(t), pool.Task{Data: 1})
	if exec.Command("node", "-e", "process.exit(process.features.typescript ? 0 : 1)").Run() != nil {
		var start *pool.StartError
		if !errors.As(err, &start) || !strings.Contains(start.Hint, "Node 22.18") {
			t.Errorf("this Node runs no TypeScript, and the error is %v", err)
		}
		return
	}
	if err != nil || string(r.Value) != "2" {
		t.Errorf("got %s, %v", r.Value, err)
	}
}

func TestNodeScriptThatNeverStarts(t *testing.T) {
	need(t, "node")
	t.Run("names the script that does not exist", func(t *testing.T) {
		_, err := pool.New(pool.NodeScript("./nowhere/worker.js"), pool.Options{})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no such worker script") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})
	for _, c := range []struct{ name, file, text, want string }{
		{"a syntax error", "w.cjs", `process.on('message', () => {`, "SyntaxError"},
		{"a missing module", "w.mjs", `import 'not-there'; process.on('message', () => {});`, "not-there"},
		{"an error at the top", "w.cjs", `throw new RangeError('out of tea')`, "RangeError: out of tea"},
		{"a script that ends", "w.cjs", `console.log('nothing to do')`, "nothing to do"},
	} {
		t.Run("fails at once for "+c.name, func(t *testing.T) {
			events := newJournal()
			p := newPool(t, pool.NodeScript(script(t, c.file, c.text)), pool.Options{MaxWorkers: 3, OnEvent: events.note})
			var all sync.WaitGroup
			for range 9 {
				all.Go(func() {
					_, err := p.Exec(soon(t), pool.Task{Repeatable: true})
					var start *pool.StartError
					if !errors.As(err, &start) || !strings.Contains(err.Error(), c.want) {
						t.Errorf("got %v, want a StartError with %q", err, c.want)
					}
				})
			}
			all.Wait()
			// At most one round of workers for each task, not a loop.
			if n := len(events.all(pool.WorkerStarting)); n > 9 {
				t.Errorf("%d workers were started for 9 tasks", n)
			}
		})
	}
	t.Run("fails for a script that never listens", func(t *testing.T) {
		p := newPool(t, pool.NodeScript(script(t, "w.cjs", `setInterval(() => {}, 1000)`)), pool.Options{MaxWorkers: 1, StartTimeout: 500 * time.Millisecond})
		_, err := p.Exec(soon(t), pool.Task{})
		if err == nil || !strings.Contains(err.Error(), "it was not ready within 500ms") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("fails for a program that does not exist", func(t *testing.T) {
		p := newPool(t, pool.Command("no-such-program"), pool.Options{MaxWorkers: 2})
		_, err := p.Exec(soon(t), pool.Task{})
		var start *pool.StartError
		if !errors.As(err, &start) || start.Hint == "" || !strings.HasSuffix(err.Error(), `command "no-such-program" not found`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("goes on once the script is fixed", func(t *testing.T) {
		path := script(t, "w.cjs", `oops(`)
		p := newPool(t, pool.NodeScript(path), pool.Options{MaxWorkers: 1})
		if _, err := p.Exec(soon(t), pool.Task{}); err == nil {
			t.Fatal("it started")
		}
		if err := os.WriteFile(path, []byte(`process.on('message', () => process.send(1))`), 0o600); err != nil {
			t.Fatal(err)
		}
		mustExec(t, p, pool.Task{})
	})
}

func TestNodeCrash(t *testing.T) {
	need(t, "node")
	text := `process.on('message', ({type}) => {
		if (type === 'leak') { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)); }
		if (type === 'throw') { console.log('some output'); throw new TypeError('not caught'); }
		if (type === 'exit') process.exit(9);
		process.send(type);
	})`
	p := newPool(t, pool.NodeScript(script(t, "w.cjs", text)), pool.Options{MaxWorkers: 2, HeapLimit: 64 << 20})
	crash := func(t *testing.T, typ string) *pool.CrashError {
		t.Helper()
		_, err := p.Exec(soon(t), pool.Task{Type: typ})
		var crash *pool.CrashError
		if !errors.As(err, &crash) {
			t.Fatalf("got %v, want a CrashError", err)
		}
		if got := mustExec(t, p, pool.Task{Type: "fine"}); got != `"fine"` {
			t.Errorf("the next task was answered %s", got)
		}
		return crash
	}
	t.Run("is memory if V8 reports it", func(t *testing.T) {
		c := crash(t, "leak")
		if c.Verdict.Cause != oom.V8Heap || c.Signal != "SIGABRT" || !strings.Contains(c.Error(), "JavaScript heap out of memory") {
			t.Errorf("verdict %+v, %v", c.Verdict, c)
		}
	})
	t.Run("carries exit code and output", func(t *testing.T) {
		c := crash(t, "throw")
		if c.ExitCode != 1 || !strings.Contains(c.Output, "some output") || !strings.HasSuffix(c.Error(), "exit code 1: TypeError: not caught") || c.Verdict.Memory() {
			t.Errorf("exit %d, %v\n%s", c.ExitCode, c, c.Output)
		}
	})
	t.Run("carries the exit code alone", func(t *testing.T) {
		if c := crash(t, "exit"); c.ExitCode != 9 {
			t.Errorf("exit %d", c.ExitCode)
		}
	})
}
