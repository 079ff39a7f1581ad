package mage_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/testkit"
)

// runnerWorkspace is a Git repository with the runners installed.
func runnerWorkspace(t *testing.T, scripts, files map[string]string) string {
	t.Helper()
	modules := runners(t)
	root := guardWorkspace(t, scripts, runnerFiles)
	for name, text := range files {
		testkit.Write(t, root, name, text)
	}
	if err := os.Symlink(modules, filepath.Join(root, "node_modules")); err != nil {
		t.Fatal(err)
	}
	repository(t, root)
	return root
}

// TestGuardedCaches: runners find in their caches what they made with the guard, without it, and
// the other way round.
func TestGuardedCaches(t *testing.T) {
	scripts := map[string]string{}
	for _, p := range []string{"a", "b"} {
		scripts[p] = `"build": "mkdir -p dist && date +%s%N > dist/out"`
	}
	for _, tt := range []struct{ runner, command, hit string }{
		{"Turborepo", "turbo run build", "FULL TURBO"},
		{"Nx", "nx run-many -t build --outputStyle=static", "for 2 out of 2 tasks"},
		{"wireit", "npm run -s wire -w a", "Ran 0 scripts and skipped 1"},
	} {
		for first, run := range map[string][2]func(root, command string, env ...string) *exec.Cmd{
			"with the guard, then without": {guarded, unguarded}, "without the guard, then with it": {unguarded, guarded},
		} {
			t.Run(tt.runner+" "+first, func(t *testing.T) {
				t.Parallel()
				with := map[string]string{"a": scripts["a"] + `, "wire": "wireit"`, "b": scripts["b"]}
				root := runnerWorkspace(t, with, map[string]string{
					"turbo.json": `{"tasks": {"build": {"outputs": ["dist/**"]}}}`,
					"nx.json":    `{"analytics": false, "targetDefaults": {"build": {"cache": true, "outputs": ["{projectRoot}/dist"]}}}`,
				})
				if tt.runner == "wireit" {
					testkit.Write(t, root, "packages/a/package.json", `{"name": "a", "version": "1.0.0", "scripts": {"wire": "wireit"},
						"wireit": {"wire": {"command": "mkdir -p dist && date +%s%N > dist/out", "files": [], "output": ["dist/**"]}}}`)
				}
				var made [2]string
				for i := range made {
					stdout, stderr := succeeds(t, run[i](root, tt.command, runnerEnv(root)...))
					text, err := os.ReadFile(filepath.Join(root, "packages/a/dist/out"))
					if err != nil {
						t.Fatal(err)
					}
					if made[i] = string(text); i == 1 && !strings.Contains(stdout, tt.hit) || i == 0 && strings.Contains(stdout, tt.hit) {
						t.Errorf("run %d: wanted %q in the second only\n%s%s", i+1, tt.hit, stdout, stderr)
					}
				}
				if made[0] != made[1] {
					t.Error("the script ran twice")
				}
			})
		}
	}
}

// TestGuardedTurboHashes: no hash of a task tells that there is a guard.
func TestGuardedTurboHashes(t *testing.T) {
	root := runnerWorkspace(t, map[string]string{"a": `"build": "true"`, "b": `"build": "true"`}, nil)
	var hashes [2][]string
	for i, run := range []func(root, command string, env ...string) *exec.Cmd{guarded, unguarded} {
		out, _ := succeeds(t, run(root, "turbo run build --dry=json", runnerEnv(root)...))
		var dry struct {
			Tasks []struct{ TaskID, Hash string }
		}
		if err := json.Unmarshal([]byte(out), &dry); err != nil || len(dry.Tasks) != 2 {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, task := range dry.Tasks {
			hashes[i] = append(hashes[i], task.TaskID+" "+task.Hash)
		}
	}
	if strings.Join(hashes[0], "\n") != strings.Join(hashes[1], "\n") {
		t.Errorf("with the guard %q, without it %q", hashes[0], hashes[1])
	}
}

// server is a script that runs until it is ended, and holds up nothing.
const server = `require("http").createServer((_, r) => r.end("ok")).listen("../../" + process.argv[2] + ".sock")`

// TestGuardedServers: two servers that do not fit together by what is known of them both start,
// and end with the command.
func TestGuardedServers(t *testing.T) {
	for runner, command := range map[string]string{
		"Turborepo": "turbo run dev", "concurrently": `concurrently "npm:dev -w a" "npm:dev -w b"`, "pnpm": "pnpm -r --parallel run dev",
	} {
		for how, sig := range map[string]syscall.Signal{"Ctrl-C": 0, "SIGTERM": syscall.SIGTERM} {
			if runner == "pnpm" && sig != 0 {
				continue // it leaves its scripts running, without the guard, too
			}
			t.Run(runner+", ended by "+how, func(t *testing.T) {
				t.Parallel()
				root := runnerWorkspace(t, map[string]string{"a": `"dev": "node ../../server.js a"`, "b": `"dev": "node ../../server.js b"`},
					map[string]string{"server.js": server, "pnpm-workspace.yaml": "packages: [packages/*]\n", ".npmrc": "package-manager-strict=false\n"})
				codes := map[bool]int{}
				for _, guard := range []bool{false, true} {
					c := unguarded(root, "exec "+command)
					if guard {
						c = guarded(root, "exec "+command)
					}
					s := openTerminal(t, root, append(append([]string{"env"}, append(runnerEnv(root), "HEAPMAGE_BUDGET=1200MB")...), c.Args...)...)
					for began := time.Now(); !serve(root); time.Sleep(20 * time.Millisecond) {
						if time.Since(began) > hang {
							t.Fatalf("no servers:\n%s", s.text())
						}
					}
					if sig == 0 {
						s.press("\x03")
					} else {
						_ = s.shell.Process.Signal(sig)
					}
					_ = s.shell.Wait()
					codes[guard] = s.shell.ProcessState.ExitCode()
					if status := s.shell.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
						codes[guard] = 128 + int(status.Signal()) // what a shell would tell
					}
					waitFor(t, "every process to end", func() bool { return len(processesIn(root)) == 0 })
					for _, p := range []string{"a", "b"} {
						_ = os.Remove(filepath.Join(root, p+".sock"))
					}
				}
				if codes[true] != codes[false] {
					t.Errorf("exit code %d with the guard, %d without it", codes[true], codes[false])
				}
			})
		}
	}
}

// serve reports whether both servers serve.
func serve(root string) bool {
	for _, p := range []string{"a", "b"} {
		if _, err := os.Stat(filepath.Join(root, p+".sock")); err != nil {
			return false
		}
	}
	return true
}

// TestGuardIsKilled: the scripts that run and that wait go on without it, and later ones start.
func TestGuardIsKilled(t *testing.T) {
	root := guardWorkspace(t, map[string]string{
		"a": `"build": "touch ../../started; until [ -e ../../go ]; do sleep 0.05; done; echo a >> ../../done"`, "b": `"build": "echo b >> ../../done"`, "c": `"build": "echo c >> ../../done"`,
	}, nil)
	c := guarded(root, "npm run -s build -w a & npm run -s build -w b; wait; npm run -s build -w c; echo over >> done")
	c.Env = append(c.Env, "TMPDIR="+t.TempDir())
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a script to run", func() bool { _, err := os.Stat(filepath.Join(root, "started")); return err == nil })
	_ = c.Process.Kill()
	_ = c.Wait()
	testkit.Write(t, root, "go", "")
	waitFor(t, "the command to end", func() bool { return len(processesIn(root)) == 0 })
	done, err := os.ReadFile(filepath.Join(root, "done"))
	if got := strings.Fields(string(done)); err != nil || len(got) != 4 || got[2] != "c" || got[3] != "over" {
		t.Errorf("%q, %v", done, err)
	}
	// The next guard is not disturbed by what is left.
	succeeds(t, guarded(root, "npm run -s build -w b"))
}

// TestGuardedDaemon: a daemon that a runner has left under the guard starts scripts afterwards.
func TestGuardedDaemon(t *testing.T) {
	root := guardWorkspace(t, map[string]string{"a": `"build": "echo a >> ../../done"`}, map[string]string{
		"daemon.js": `
const { spawnSync } = require("child_process"), fs = require("fs");
if (process.argv[2]) {
	const wait = () => fs.existsSync("go") ? (spawnSync("npm", ["run", "-s", "build", "-w", "a"]), process.exit()) : setTimeout(wait, 50);
	wait();
} else require("child_process").spawn(process.execPath, [__filename, "x"], { detached: true, stdio: "ignore" }).unref();
`,
	})
	succeeds(t, guarded(root, "node daemon.js"))
	if len(processesIn(root)) != 1 {
		t.Fatal("the daemon did not stay")
	}
	testkit.Write(t, root, "go", "")
	waitFor(t, "the daemon to end", func() bool { return len(processesIn(root)) == 0 })
	if done, err := os.ReadFile(filepath.Join(root, "done")); string(done) != "a\n" {
		t.Errorf("%q, %v", done, err)
	}
}
