package mage_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// probe prints what a script can see of its surroundings, without what differs between two runs.
const probe = `
const fs = require("fs"), tty = require("tty");
const stat = fs.readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ");
const status = fs.readFileSync("/proc/self/status", "utf8");
console.log("cwd", process.cwd(), "umask", process.umask().toString(8), "argv", process.argv.slice(2));
console.log("tty", [0, 1, 2].map(n => tty.isatty(n)), "stdin", (s => s.isFIFO() ? "pipe" : s.isFile() ? "file" : s.isSocket() ? "socket" : s.isCharacterDevice() ? "device " + s.rdev : "?")(fs.fstatSync(0)));
console.log(status.match(/^(Sig(Blk|Ign)|Uid|Gid|Groups|NoNewPrivs|Cpus_allowed):.*/gm).join("\n"), "nice", stat[16], "controlling terminal", stat[4] !== "0");
console.log(fs.readFileSync("/proc/self/limits", "utf8"));
console.log("descriptors", fs.readdirSync("/proc/self/fd").filter(n => n < 3 || fs.existsSync("/proc/self/fd/" + n) && /^\/(?!dev|proc)/.test(fs.readlinkSync("/proc/self/fd/" + n))).length);
const env = fs.readFileSync("/proc/self/environ", "utf8").split("\0").filter(Boolean);
console.log(env.filter(e => !/^(NODE_OPTIONS|GOMEMLIMIT)=/.test(e)).sort().join("\n"));
const member = n => fs.readFileSync("/proc/" + process.ppid + "/stat", "utf8").split(") ")[1].split(" ")[n] === stat[n];
console.log("of the shell's group", member(2), "session", member(3), "leads", stat[2] === String(process.pid));
if (process.argv[2] === "read") console.log("read", JSON.stringify(fs.readFileSync(0, "utf8")));
setTimeout(() => console.error("an error"), 300); // else a runner may read it first
`

// passing is what differs between any two runs: times, PIDs, folders of one run.
var passing = regexp.MustCompile(`Time: .*|\(\d+% of the run\)|"duration":"[^"]*"|"timestamp":\d+|Total time .*|Duration: .*|\b\d+(\.\d+)?m?s\b( >>> FULL TURBO)?|_logs/\S+|-debug-\d+\.log|TURBO_HASH=\S*|TURBO_RUN_SUMMARY=\S*|NX_\w*(PID|SOCKET|DIR)\w*=\S*|NX_INVOKED_BY_RUNNER=\S*|[0-9a-f]{16,40}|_=\S*`)

// same runs a command with and without the guard, in two equal workspaces, and reports any
// difference.
func same(t *testing.T, command string, root func() string, prepare func(c *exec.Cmd), env func(root string) []string) {
	t.Helper()
	var seen [2]string
	for i := range seen {
		dir := root()
		// What the runner prints to standard error is kept apart from the guard's log.
		text := `{ ` + command + `; } 2>"$ERR"`
		errs := filepath.Join(t.TempDir(), "err")
		vars := append(env(dir), "HEAPMAGE_BUDGET=1200MB", "ERR="+errs)
		c := unguarded(dir, text, vars...)
		if i == 1 {
			c = guarded(dir, text, vars...)
		}
		var out bytes.Buffer
		c.Stdout = &out
		if prepare != nil {
			prepare(c)
		}
		_, log, code := ends(t, c)
		printed, _ := os.ReadFile(errs)
		seen[i] = fmt.Sprintf("%s\n=== standard error\n%s\n=== exit code %d", out.String(), printed, code)
		seen[i] = strings.ReplaceAll(seen[i], dir, "ROOT")
		seen[i] = strings.ReplaceAll(seen[i], filepath.Dir(errs), "TEMP")
		seen[i] = passing.ReplaceAllString(seen[i], "…")
		if i == 1 {
			t.Log(log)
		}
	}
	if seen[0] != seen[1] {
		a, b := strings.Split(seen[0], "\n"), strings.Split(seen[1], "\n")
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || a[i] != b[i] {
				t.Errorf("without the guard:\n%s\nwith it:\n%s", strings.Join(a[min(i, len(a)):min(i+8, len(a))], "\n"), strings.Join(b[min(i, len(b)):min(i+8, len(b))], "\n"))
				break
			}
		}
	}
}

func TestGuardedScriptsSeeWhatTheyWouldSee(t *testing.T) {
	modules := runners(t)
	input := func(c *exec.Cmd) { c.Stdin = strings.NewReader("some\ntext") }
	file := func(c *exec.Cmd) {
		f, err := os.Open(filepath.Join(c.Dir, "turbo.json"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		c.Stdin = f
	}
	for _, tt := range []struct {
		claim, command string
		prepare        func(*exec.Cmd)
	}{
		{"npm", "npm run probe -w a -- x 'y z'", nil},
		{"npm, from a pipe", "npm run read -w a", input},
		{"npm, from a file", "npm run read -w a", file},
		{"npm, with a mask, limits and ignored signals", "umask 077; ulimit -n 300; ulimit -c 0; trap '' HUP USR1; nice -n 3 npm run probe -w a", nil},
		{"npm, several", "npm run probe --workspaces", nil},
		{"npm, one that fails", "npm run -s fail -w a", nil},
		{"npm, one that a signal ends", "npm run -s kill -w a", nil},
		{"npm, one that is not there", "npm run nothing -w a", nil},
		{"npx", "npx -c 'echo $0; echo err >&2; exit 3'", nil},
		{"npm run in another session", "setsid -w npm run probe -w a", nil},
		{"pnpm", "pnpm -r --no-bail --workspace-concurrency=1 run probe", nil},
		{"pnpm, one that fails", "cd packages/a && pnpm run fail", nil},
		{"pnpm, from a pipe", "cd packages/a && pnpm run -s read", input},
		{"Turborepo", "turbo run probe --filter=a", nil},
		{"Turborepo, one that fails", "turbo run fail --filter=a --log-order=grouped", nil},
		{"Nx", "nx run-many -t probe --parallel=1 --outputStyle=static --skip-nx-cache", nil},
		{"Nx, one that fails", "nx run a:fail --outputStyle=static --skip-nx-cache", nil},
		{"Lage", "lage probe --concurrency 1 --no-cache --reporter json", nil},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Parallel()
			scripts := `"probe": "node ../../probe.js", "read": "node ../../probe.js read", "fail": "echo out; sleep 0.3; echo err >&2; sleep 0.3; exit 7", "kill": "kill -TERM $$"`
			same(t, tt.command, func() string {
				root := guardWorkspace(t, map[string]string{"a": scripts, "b": scripts}, runnerFiles)
				testkit.Write(t, root, "probe.js", probe)
				if strings.HasPrefix(tt.claim, "pnpm") {
					testkit.Write(t, root, "package.json", `{"name": "root", "private": true}`)
					testkit.Write(t, root, "pnpm-workspace.yaml", "packages: [packages/*]\n")
				}
				if err := os.Symlink(modules, filepath.Join(root, "node_modules")); err != nil {
					t.Fatal(err)
				}
				repository(t, root)
				return root
			}, tt.prepare, runnerEnv)
		})
	}
}

// repository makes a folder a Git repository with one commit.
func repository(t *testing.T, root string) {
	t.Helper()
	testkit.Write(t, root, ".gitignore", "node_modules\ndist\n.wireit\n.heapmage\n.turbo*\n.nx*\n")
	succeeds(t, unguarded(root, "git init -q && git add . && git -c user.name=x -c user.email=x@example.com commit -qm x"))
}
