package mage_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestGuardedScriptsThatWaitForEachOther: each of these commands ends by itself, and would hang
// if the guard kept a script waiting, or frozen, for which another one waits that it let in. No
// two of the scripts fit by their needs.
func TestGuardedScriptsThatWaitForEachOther(t *testing.T) {
	const (
		makes = `"build": "touch ../../made"`
		waits = `"build": "touch ../../begun; until [ -e ../../made ]; do sleep 0.1; done; rm ../../made"`
	)
	npm := func(p string) string { return "npm run -s build -w " + p }
	// b begins once a has.
	aThenB := npm("a") + " & until [ -e begun ]; do sleep 0.05; done; " + npm("b") + " && wait $!"
	type test struct {
		claim, command string
		scripts, files map[string]string
	}
	var tests []test
	for _, limit := range []string{"2", "3", "4"} {
		tests = append(tests, test{
			"a file of the last script, in a runner that starts " + limit + " at once",
			`printf 'a\nb\nc\nd\n' | xargs -P ` + limit + ` -I P npm run -s build -w P`,
			map[string]string{"a": waits, "b": `"build": "true"`, "c": `"build": "true"`, "d": makes},
			map[string]string{"heapmage.yaml": "packages: {a: {need: 1GB}, b: {need: 1GB}, c: {need: 1GB}, d: {need: 1GB}}\n"},
		})
	}
	tests = append(
		tests,
		test{"a runner that starts 1 at once, in an order without waits", `for p in a b c; do npm run -s build -w $p || exit; done`, map[string]string{"a": makes, "b": waits, "c": `"build": "true"`}, nil},
		test{"both ends of a pipe", npm("a") + " | " + npm("b"), map[string]string{
			"a": `"build": "head -c 3000000 /dev/zero"`, "b": `"build": "[ $(wc -c) = 3000000 ]"`,
		}, nil},
		test{"a named pipe", npm("a") + " & " + npm("b") + " && wait $!", map[string]string{
			"a": `"build": "echo done > ../../fifo"`, "b": `"build": "read x < ../../fifo && [ $x = done ]"`,
		}, map[string]string{"prepare": "mkfifo fifo"}},
		test{"a port", npm("a") + " & " + npm("b") + " && wait $!", map[string]string{
			"a": `"build": "node ../../serve.js"`, "b": `"build": "node ../../call.js"`,
		}, map[string]string{
			"serve.js": `require("net").createServer(c => { c.end("x"); process.exit() }).listen("sock")`,
			"call.js":  `const call = () => require("net").connect("../a/sock").on("error", () => setTimeout(call, 100)); call()`,
		}},
		test{"a lock", aThenB, map[string]string{
			"a": `"build": "flock ../../lock sh -c 'touch ../../begun; until [ -e ../../asked ]; do sleep 0.1; done'"`, "b": `"build": "touch ../../asked; flock ../../lock true"`,
		}, nil},
		test{"scripts of packages that call scripts of others", npm("a") + " & " + npm("b") + " && wait $!", map[string]string{
			"a": `"build": "npm run -s last -w c --prefix ../.."`, "b": `"build": "npm --prefix ../c run -s last"`, "c": `"last": "true"`,
		}, nil},
		test{"a chain of scripts of packages", npm("a"), map[string]string{
			"a": `"build": "npm --prefix ../b run -s build; touch ../../made"`, "b": `"build": "npm --prefix ../c run -s build"`, "c": `"build": "npm --prefix ../a run -s other"`,
		}, map[string]string{"packages/a/package.json": `{"name": "a", "scripts": {"build": "npm --prefix ../b run -s build", "other": "true"}}`}},
		test{"npm's scripts before and after", npm("a") + " & " + npm("b") + "; wait $!", map[string]string{
			"a": `"prebuild": "true", "build": "true", "postbuild": "touch ../../made"`,
			"b": `"prebuild": "until [ -e ../../made ]; do sleep 0.1; done", "build": "true", "postbuild": "true"`,
		}, nil},
		test{"a guard within the guard", `"$HM" memory:guard -command="$INNER"`, map[string]string{"a": waits, "b": makes}, nil},
		test{"a build within the guard", `"$HM" build`, map[string]string{"a": makes, "b": `"build": "true"`, "c": `"build": "true"`}, nil},
	)
	for _, tt := range tests {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			root := guardWorkspace(t, tt.scripts, tt.files)
			if prepare := tt.files["prepare"]; prepare != "" {
				succeeds(t, unguarded(root, prepare))
			}
			succeeds(t, guarded(root, tt.command, "HM="+binary, "INNER="+aThenB))
		})
	}
}

// TestGuardedScriptsThatWaitForAFrozenOne: the newest script is frozen since both take more than
// they are said to need, and the other one waits for it.
func TestGuardedScriptsThatWaitForAFrozenOne(t *testing.T) {
	for _, tt := range []struct{ claim, command, a, b string }{
		{"for what it writes into a pipe", "npm run -s read -w a < fifo & npm run -s write -w b > fifo && wait $!",
			`grow(() => { fs.writeFileSync("../../ready", ""); let n = 0; process.stdin.on("data", d => n += d.length).on("end", () => process.exit(n === 3000000 ? 0 : 1)) })`,
			`after("ready", () => { process.stdout.write(Buffer.alloc(1000000)); grow(() => process.stdout.write(Buffer.alloc(2000000))) })`},
		{"that holds a lock", "npm run -s read -w a & until [ -e begun ]; do sleep 0.05; done; npm run -s write -w b && wait $!",
			`grow(() => { fs.writeFileSync("../../ready", ""); after("locked", () => gone("locked", () => process.exit())) })`,
			`after("ready", () => { fs.writeFileSync("../../locked", ""); grow(() => fs.unlinkSync("../../locked")) })`},
		{"that serves a port", "npm run -s read -w a & until [ -e begun ]; do sleep 0.05; done; npm run -s write -w b && wait $!",
			`grow(() => { fs.writeFileSync("../../ready", ""); after("sock", () => require("net").connect("../../sock").on("data", () => process.exit()).resume()) })`,
			`after("ready", () => require("net").createServer(c => grow(() => { c.end("x"); process.exit() })).listen("../../sock"))`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			const grow = `
const fs = require("fs"), kept = [];
fs.writeFileSync("../../begun", "");
const grow = then => { kept.push(Buffer.alloc(8 << 20, 1)); kept.length < 20 ? setTimeout(grow, 50, then) : then(); };
const after = (file, then) => fs.existsSync("../../" + file) ? then() : setTimeout(after, 200, file, then);
const gone = (file, then) => fs.existsSync("../../" + file) ? setTimeout(gone, 200, file, then) : then();
`
			root := guardWorkspace(t, map[string]string{"a": `"read": "node ../../a.js"`, "b": `"write": "node ../../b.js"`}, map[string]string{
				"a.js": grow + tt.a, "b.js": grow + tt.b, "heapmage.yaml": "packages: {a: {need: 20MB}, b: {need: 20MB}}\n",
			})
			succeeds(t, unguarded(root, "mkfifo fifo"))
			_, log := succeeds(t, guarded(root, tt.command, "HEAPMAGE_BUDGET=330MB"))
			if !strings.Contains(log, "Pausing package: ") {
				t.Errorf("nothing was frozen:\n%s", log)
			}
		})
	}
}

// runners is a folder in which the task runners of testdata/runners are installed.
func runners(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("installs and starts real runners; left out with -short")
	}
	return filepath.Join(filepath.Dir(testkit.Script(t, "testdata/runners", "package.json")), "node_modules")
}

// TestGuardedToolsThatWait: tools whose purpose is to wait for another program.
func TestGuardedToolsThatWait(t *testing.T) {
	modules := runners(t)
	const serve = `require("http").createServer((_, r) => r.end("ok")).listen("SOCK")`
	for _, tt := range []struct {
		claim, command string
		scripts        map[string]string
	}{
		{"start-server-and-test", `start-server-and-test 'npm run -s serve -w a' http-get://unix:SOCK:/ 'npm run -s e2e -w b'`,
			map[string]string{"a": `"serve": "node ../../serve.js"`, "b": `"e2e": "node -e 0"`}},
		{"wait-on", `npm run -s build -w a & npm run -s build -w b && wait $!`,
			map[string]string{"a": `"build": "wait-on -d 1 ../../made"`, "b": `"build": "touch ../../made"`}},
		{"concurrently", `npx concurrently -k -s first "npm:build -w a" "npm:build -w b"`,
			map[string]string{"a": `"build": "until [ -e ../../made ]; do sleep 0.1; done"`, "b": `"build": "touch ../../made; sleep 100"`}},
		{"Turborepo that starts two at once", `turbo run build --concurrency=2 --no-daemon`,
			map[string]string{"a": `"build": "until [ -e ../../made ]; do sleep 0.1; done"`, "b": `"build": "true"`, "c": `"build": "touch ../../made"`}},
		{"Lage that starts two at once", `lage build --concurrency 2 --no-cache`,
			map[string]string{"a": `"build": "until [ -e ../../made ]; do sleep 0.1; done"`, "b": `"build": "true"`, "c": `"build": "touch ../../made"`}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			root := guardWorkspace(t, tt.scripts, runnerFiles)
			repository(t, root)
			sock := filepath.Join(root, "sock")
			testkit.Write(t, root, "serve.js", strings.ReplaceAll(serve, "SOCK", sock))
			if err := os.Symlink(modules, filepath.Join(root, "node_modules")); err != nil {
				t.Fatal(err)
			}
			succeeds(t, guarded(root, strings.ReplaceAll(tt.command, "SOCK", sock), runnerEnv(root)...))
		})
	}
}

// runnerFiles configure the runners.
var runnerFiles = map[string]string{
	"turbo.json":        `{"tasks": {"build": {}, "dev": {"persistent": true, "cache": false}, "probe": {"cache": false}, "fail": {"cache": false}}}`,
	"lage.config.js":    `module.exports = {pipeline: {build: [], probe: []}, cacheOptions: {}};`,
	"nx.json":           `{"analytics": false, "targetDefaults": {"build": {"cache": true}}}`,
	"package-lock.json": `{"name": "root", "lockfileVersion": 3, "packages": {"": {"name": "root", "workspaces": ["packages/*"]}, "packages/a": {"name": "a", "version": "1.0.0"}, "packages/b": {"name": "b", "version": "1.0.0"}, "packages/c": {"name": "c", "version": "1.0.0"}}}`,
}

// runnerEnv is the environment of runners in a workspace: nothing is sent, and nothing is kept
// outside of it.
func runnerEnv(root string) []string {
	return []string{
		"PATH=" + filepath.Join(root, "node_modules", ".bin") + ":" + os.Getenv("PATH"),
		"TURBO_TELEMETRY_DISABLED=1", "TURBO_NO_UPDATE_NOTIFIER=1", "TURBO_CACHE_DIR=" + filepath.Join(root, ".turbo-cache"),
		"NX_DAEMON=false", "NX_NO_CLOUD=true", "NX_TUI=false", "NX_CACHE_DIRECTORY=" + filepath.Join(root, ".nx-cache"), "NX_WORKSPACE_DATA_DIRECTORY=" + filepath.Join(root, ".nx-data"),
		"DO_NOT_TRACK=1",
	}
}
