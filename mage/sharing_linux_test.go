package mage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// build is a build that runs.
type build struct {
	*exec.Cmd
	root string
	log  string // the file of its output
}

func (b *build) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(b.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func startBuild(t *testing.T, g *cgrouptest.Group, root string) *build {
	t.Helper()
	b := &build{Cmd: inCgroup(g, root, binary, "build"), root: root, log: filepath.Join(root, "log")}
	out, err := os.Create(b.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() // the build has its own
	b.Stdout, b.Stderr = out, out
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // if the test fails before its end
		_ = b.Process.Signal(syscall.SIGCONT)
		_ = b.Process.Signal(syscall.SIGTERM)
		_ = b.Wait()
	})
	return b
}

// growing waits until the build's script has begun to grow.
func (b *build) growing(t *testing.T) {
	t.Helper()
	waitFor(t, "the script to start", func() bool { _, err := os.Stat(filepath.Join(b.root, "dist/out.txt")); return err == nil })
}

// green checks that the build succeeds and learns nothing but what its task needs.
func (b *build) green(t *testing.T) {
	t.Helper()
	err := b.Wait()
	if text := b.text(t); err != nil || strings.Contains(text, "❌") {
		t.Fatalf("%v\n%s", err, text)
	}
	if text, err := os.ReadFile(filepath.Join(b.root, "dist/out.txt")); err != nil || string(text) != "half and half" {
		t.Errorf("it wrote %q, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(b.root, ".heapmage/history.jsonl")); err != nil || bytes.Contains(text, []byte("killed")) {
		t.Errorf("it has learnt %s, %v", text, err)
	}
}

// growing500 is a workspace whose package needs some 550 MB.
func growing500(t *testing.T) string {
	return workspaceOf(t, "node grow.js 500", map[string]string{
		"grow.js": growJS, "heapmage.yaml": "tasks: {build: {outputs: [dist/**]}}\n", "node_modules/.keep": "",
	})
}

// TestRunsThatShareMemory builds packages at once that fit into the memory one by one.
func TestRunsThatShareMemory(t *testing.T) {
	testkit.NeedsNode(t)
	if os.Getenv("RIG") == "" {
		t.Skip("takes minutes, and inside of a run of heapmage all runs are of one age: RIG=1 runs it")
	}
	for claim, play := range map[string]func(t *testing.T, g *cgrouptest.Group){
		"two runs": func(t *testing.T, g *cgrouptest.Group) {
			elder := startBuild(t, g, growing500(t))
			younger := startBuild(t, g, growing500(t))
			elder.green(t)
			younger.green(t)
			// If both grow at one moment both are paused, and it is the younger one that gives way.
			old, young := elder.text(t), younger.text(t)
			if strings.Contains(old, "⏹️") || !strings.Contains(old+young, "⏳ Other programs hold") {
				t.Errorf("the older one:\n%s\nthe younger one:\n%s", old, young)
			}
		},
		"three runs": func(t *testing.T, g *cgrouptest.Group) {
			var all []*build
			for range 3 {
				all = append(all, startBuild(t, g, growing500(t)))
			}
			for _, b := range all {
				b.green(t)
			}
		},
		"the older one is stopped": func(t *testing.T, g *cgrouptest.Group) {
			elder := startBuild(t, g, growing500(t))
			elder.growing(t)
			if err := elder.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			startBuild(t, g, growing500(t)).green(t)
			if err := elder.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			elder.green(t)
		},
		"the older one is killed": func(t *testing.T, g *cgrouptest.Group) {
			elder := startBuild(t, g, growing500(t))
			elder.growing(t)
			younger := startBuild(t, g, growing500(t))
			younger.growing(t)
			if err := elder.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			younger.green(t)
		},
		"another program": func(t *testing.T, g *cgrouptest.Group) {
			other := inCgroup(g, t.TempDir(), "node", "-e", `globalThis.held = Buffer.alloc(450 << 20, 1); console.log("holds"); process.stdin.resume()`)
			end, err1 := other.StdinPipe()
			ready, err2 := other.StdoutPipe()
			if err := errors.Join(err1, err2, other.Start()); err != nil {
				t.Fatal(err)
			}
			if _, err := ready.Read(make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			b := startBuild(t, g, growing500(t))
			told := regexp.MustCompile(`⏳ Other programs hold [45]\d\d\.\d\dMB of the \d+\.\d\dMB that this run may use: it waits until there is room\n`)
			waitFor(t, "the build to name the others", func() bool { return told.MatchString(b.text(t)) })
			if err := errors.Join(end.Close(), other.Wait()); err != nil {
				t.Error(err)
			}
			b.green(t)
		},
	} {
		t.Run(claim, func(t *testing.T) {
			g := cgrouptest.New(t, 900<<20)
			play(t, g)
			if n := g.Kills(); n > 0 {
				t.Errorf("%d kernel kills", n)
			}
		})
	}
}

// TestKilledForOthers: another program takes memory, and the kernel kills a package
// before heapmage can act.
func TestKilledForOthers(t *testing.T) {
	testkit.NeedsNode(t)
	g := cgrouptest.New(t, 900<<20)
	// The kernel is to choose the package each time. To lower the score of the other program
	// instead takes CAP_SYS_RESOURCE.
	const holdJS = `
const fs = require("fs");
fs.writeFileSync("/proc/self/oom_score_adj", "1000");
const held = Buffer.alloc(450 << 20, 1);
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/out.txt", "half");
const timer = setInterval(() => {
  if (fs.existsSync("end")) { fs.appendFileSync("dist/out.txt", " and half"); console.log(held.length); clearInterval(timer); }
}, 20);
`
	root := workspaceOf(t, "node hold.js", map[string]string{"hold.js": holdJS, "node_modules/.keep": ""})
	b := startBuild(t, g, root)
	b.growing(t)
	// While the kernel still frees the package it may kill the other program as well, which
	// then begins again.
	other := inCgroup(g, root, "sh", "-c", `until node -e "$0"; do :; done`,
		`globalThis.held = Buffer.alloc(500 << 20, 1); console.log("holds"); process.stdin.resume()`)
	end, err1 := other.StdinPipe()
	ready, err2 := other.StdoutPipe()
	if err := errors.Join(err1, err2, b.Process.Signal(syscall.SIGSTOP), other.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = end.Close() })
	if _, err := ready.Read(make([]byte, 5)); err != nil || g.Kills() == 0 {
		t.Fatalf("%v, %d kernel kills", err, g.Kills())
	}
	if err := b.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// Or it stops what is left of the attempt.
	again := regexp.MustCompile(`🔁 lone: other programs held \d+\.\d\dMB of the memory: trying again once there is room|⏹️ `)
	waitFor(t, "the build to wait", func() bool { return again.MatchString(b.text(t)) })
	if err := errors.Join(os.WriteFile(filepath.Join(root, "end"), nil, 0o600), end.Close(), other.Wait()); err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(); err != nil || !strings.Contains(b.text(t), "✅ Building package: lone") {
		t.Errorf("%v\n%s", err, b.text(t))
	}
	if text, err := os.ReadFile(filepath.Join(root, ".heapmage/history.jsonl")); err != nil || bytes.Contains(text, []byte("killed")) {
		t.Errorf("it has learnt %s, %v", text, err)
	}
}

// TestRunInsideOfATask: a run inside of a task keeps to what the outer run has not
// reserved for others, and neither stops the other.
func TestRunInsideOfATask(t *testing.T) {
	testkit.NeedsNode(t)
	g := cgrouptest.New(t, 900<<20)
	inner := map[string]string{"grow.js": growJS, "node_modules/.keep": "", "heapmage.yaml": "tasks: {build: {outputs: [dist/**]}}\npackages: {x: {need: 240MB}, y: {need: 240MB}}\n",
		"package.json": `{"workspaces": ["packages/*"]}`}
	for _, name := range []string{"x", "y"} {
		inner["packages/"+name+"/package.json"] = fmt.Sprintf(`{"name": %q, "scripts": {"build": "node ../../grow.js 150"}}`, name)
	}
	other := workspaceOf(t, "", inner)
	root := workspaceOf(t, "", map[string]string{
		"grow.js": growJS, "node_modules/.keep": "", "package.json": `{"workspaces": ["packages/*"]}`,
		"heapmage.yaml":                "concurrency: 2\npackages: {a: {need: 450MB}, nested: {need: 260MB}}\n",
		"packages/a/package.json":      `{"name": "a", "scripts": {"build": "node ../../grow.js 380"}}`,
		"packages/nested/package.json": fmt.Sprintf(`{"name": "nested", "scripts": {"build": "echo granted $HEAPMAGE_GRANT; cd %s && %s build"}}`, other, binary),
	})
	out, err := inCgroup(g, root, binary, "build").CombinedOutput()
	if err != nil || g.Kills() > 0 || bytes.Contains(out, []byte("⏹️")) {
		t.Fatalf("%v, %d kernel kills\n%s", err, g.Kills(), out)
	}
	// Of 788 MB, 450 MB are reserved for a.
	if !regexp.MustCompile(`granted 3[0-5]\d{7}\n(.*\n)*💾 Memory: .* / 3\d\d\.\d\dMB`).Match(out) {
		t.Errorf("the inner run has another budget:\n%s", out)
	}
}

// slowJS is a test with a time limit for each of its steps, as test runners have it. It
// holds 250 MB, and ends once longJS holds 520: together more than the budget of 786 MB.
const slowJS = `
const fs = require("fs"), held = Buffer.alloc(250 << 20, 1);
fs.writeFileSync("../../slow-runs", "");
let last = Date.now();
const timer = setInterval(() => {
  if (Date.now() - last > 1000) { console.error(process.argv[2]); process.exit(1); }
  last = Date.now();
  if (fs.existsSync("../../long-holds")) { console.log("all passed", held.length); clearInterval(timer); }
}, 50);
`

const longJS = `
const fs = require("fs"), kept = [];
const grow = () => {
  if (kept.length || fs.existsSync("../../slow-runs")) kept.push(Buffer.alloc(10 << 20, 1));
  if (kept.length < 52) return setTimeout(grow, 50);
  setTimeout(() => fs.writeFileSync("../../long-holds", ""), 2500);
};
grow();
`

// TestFailureAfterAPause: a test that fails after a pause runs again without one, unless
// it has reported errors in code.
func TestFailureAfterAPause(t *testing.T) {
	testkit.NeedsNode(t)
	for _, tt := range []struct {
		claim, text string
		code        int
		want, never string
	}{
		{"runs again", "Exceeded timeout of 1000 ms for a test.", 0,
			`(?s)❌ Testing package: b failed after .*: exit code 1, after a pause of .*Exceeded timeout.*🔁 b: it was paused for .*✅ Testing package: b completed in .*, passed after a pause\n`, "no such text"},
		{"does not if its code has errors", "b.ts(1,7): error TS2322: no", 1, `❌ Testing package: b failed after .*: exit code 1, after a pause of `, "🔁"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			g := cgrouptest.New(t, 900<<20)
			root := workspaceOf(t, "", map[string]string{
				"slow.js": slowJS, "long.js": longJS, "node_modules/.keep": "", "package.json": `{"workspaces": ["packages/*"]}`,
				"heapmage.yaml":           "concurrency: 2\nonPressure: suspend\npackages: {a: {need: 60MB}, b: {need: 60MB}}\n",
				"packages/a/package.json": `{"name": "a", "scripts": {"test": "node ../../long.js"}}`,
				"packages/b/package.json": fmt.Sprintf(`{"name": "b", "scripts": {"test": "node ../../slow.js '%s'"}}`, tt.text),
			})
			c := inCgroup(g, root, binary, "test")
			out, _ := c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code != tt.code || !regexp.MustCompile(tt.want).Match(out) || regexp.MustCompile(tt.never).Match(out) {
				t.Fatalf("exit code %d\n%s", code, out)
			}
			logs, err := filepath.Glob(filepath.Join(root, ".heapmage/runs/*/logs/b-test*.log"))
			if err != nil || len(logs) != 2-tt.code {
				t.Errorf("logs %v, %v", logs, err)
			}
		})
	}
}
