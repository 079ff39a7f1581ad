//go:build unix

package v8heap

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
