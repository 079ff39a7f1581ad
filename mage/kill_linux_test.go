package mage_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// workspaceOf writes a workspace of one package with the given build script and
// files, and returns its root.
func workspaceOf(t *testing.T, script string, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	testkit.Write(t, root, "package.json", fmt.Sprintf(`{"name": "lone", "scripts": {"build": %q}}`, script))
	for name, text := range files {
		testkit.Write(t, root, name, text)
	}
	return root
}

// inCgroup is a command that runs in a cgroup, in the folder root.
func inCgroup(g *cgrouptest.Group, root string, args ...string) *exec.Cmd {
	command := g.Command(args...)
	c := exec.Command(command[0], command[1:]...)
	c.Dir = root
	return c
}

func TestAPackageThatTheKernelKillsIsNamed(t *testing.T) {
	testkit.NeedsNode(t)
	g := cgrouptest.New(t, 400<<20)
	root := workspaceOf(t, "node grow.js", map[string]string{"grow.js": `
// Grows outside of V8's heap, where no heap limit stops it.
const kept = [];
for (;;) kept.push(Buffer.alloc(32 << 20, 1));
`})
	c := inCgroup(g, root, binary, "build:managed")
	out, err := c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); code != 4 {
		t.Fatalf("exit code %d (%v), want 4\n%s", code, err, out)
	}
	// heapmage may act before the kernel, or at the same moment. The log may name the
	// kernel only if it killed something.
	who := `stopped to keep the run inside its memory`
	if g.Kills() > 0 {
		who = `(` + who + `|killed by the kernel, out of memory)`
	}
	for _, want := range []string{
		`❌ Building package: lone failed after .*: ` + who,
		`💡 .+`, `❌ Build failed!`, `Error: build failed, out of memory: lone`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("no line like %q in\n%s", want, out)
		}
	}
}

// growJS takes the memory of its first argument in MB over a second, holds it
// for half a second, and writes a file in two halves around that.
const growJS = `
const fs = require("fs"), kept = [], most = Number(process.argv[2]) / 8;
fs.mkdirSync("dist", { recursive: true });
if (fs.existsSync("dist/out.txt")) { console.error("found half of a file"); process.exit(9); }
fs.writeFileSync("dist/out.txt", "half");
const grow = () => {
  kept.push(Buffer.alloc(8 << 20, 1));
  if (kept.length < most) return setTimeout(grow, 1000 / most);
  setTimeout(() => { fs.appendFileSync("dist/out.txt", " and half"); }, 500);
};
grow();
`

// TestPressure builds packages that do not fit together although heapmage was
// told that they do, under a real limit.
func TestPressure(t *testing.T) {
	testkit.NeedsNode(t)
	for _, tt := range []struct {
		claim, config string
		want          string
	}{
		{"pauses the newest, and stops it if the oldest still lacks room", "", `⏸️  Pausing package`},
		{"keeps it paused if configured so", "onPressure: suspend\n", `▶️  Resuming package`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			g := cgrouptest.New(t, 700<<20)
			files := map[string]string{
				"grow.js":            growJS,
				"heapmage.yaml":      tt.config + "tasks: {build: {outputs: [dist/**]}}\npackages: {a: {need: 60MB}, b: {need: 60MB}, c: {need: 60MB}}\n",
				"node_modules/.keep": "",
			}
			for _, name := range []string{"a", "b", "c"} {
				files["packages/"+name+"/package.json"] = fmt.Sprintf(`{"name": %q, "scripts": {"build": "node ../../grow.js 300"}}`, name)
			}
			root := workspaceOf(t, "", files)
			if err := os.WriteFile(filepath.Join(root, "package.json"), []byte(`{"workspaces": ["packages/*"]}`), 0o644); err != nil {
				t.Fatal(err)
			}
			c := inCgroup(g, root, binary, "build")
			c.Env = append(os.Environ(), "HEAPMAGE_CONCURRENCY=3")
			out, err := c.CombinedOutput()
			if err != nil || g.Kills() > 0 {
				t.Fatalf("%v, %d kernel kills\n%s", err, g.Kills(), out)
			}
			if !regexp.MustCompile(tt.want).Match(out) {
				t.Errorf("no line like %q in\n%s", tt.want, out)
			}
			for _, name := range []string{"a", "b", "c"} {
				text, err := os.ReadFile(filepath.Join(root, "packages", name, "dist/out.txt"))
				if err != nil || string(text) != "half and half" {
					t.Errorf("%s wrote %q, %v", name, text, err)
				}
			}
			if left := processesIn(root); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
			t.Logf("%s", out)
		})
	}
}

// TestAmpleHeap builds a package that is known to fit, and so gets a heap limit above
// the real memory limit, but that now needs more than before.
func TestAmpleHeap(t *testing.T) {
	testkit.NeedsNode(t)
	// It holds arrays of 1 MB in V8's heap, replaced by turns for a while.
	const churn = `
const kept = [], [, , most, turns] = process.argv.map(Number);
for (let i = 0; i < most * turns; i++) {
  kept[i % most] = new Array(1 << 17).fill(i);
  if (i % 2 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}
console.log("kept " + kept.length, "limit " + Math.floor(require("v8").getHeapStatistics().heap_size_limit / 2 ** 20));
`
	for _, tt := range []struct {
		claim       string
		most, turns int
		code        int
		want        string
	}{
		{"collects the garbage that the large limit leaves", 250, 5, 0, `(?s)♻️.*(kept 250 limit 2\d{3}\b|instead of 2048).*1 task succeeded`},
		{"tries again with a lower limit if that is not enough", 2000, 1, 4, `(?s)trying again, alone, with a heap limit of .*❌ Building package: lone failed after .*💡 .+`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := workspaceOf(t, "node churn.js 250 2", map[string]string{"churn.js": churn, "node_modules/.keep": ""})
			learn := exec.Command(binary, "build")
			learn.Dir = root
			if out, err := learn.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			again := fmt.Sprintf(`{"name": "lone", "scripts": {"build": "node churn.js %d %d"}}`, tt.most, tt.turns)
			if err := os.WriteFile(filepath.Join(root, "package.json"), []byte(again), 0o644); err != nil {
				t.Fatal(err)
			}
			g := cgrouptest.New(t, 700<<20)
			c := inCgroup(g, root, binary, "build")
			c.Env = append(os.Environ(), "HEAPMAGE_BUDGET=20GB") // the limit counts, and its reserve is no other program's
			out, err := c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code != tt.code || g.Kills() > 0 {
				t.Fatalf("exit code %d (%v), want %d; %d kernel kills\n%s", code, err, tt.code, g.Kills(), out)
			}
			if !regexp.MustCompile(tt.want).Match(out) {
				t.Errorf("not like %q:\n%s", tt.want, out)
			}
			t.Logf("%s", out)
		})
	}
}

// TestTooLarge builds a package that needs more than there is beside some that
// do not: it fails by itself, with the reason.
func TestTooLarge(t *testing.T) {
	testkit.NeedsNode(t)
	g := cgrouptest.New(t, 500<<20)
	files := map[string]string{"grow.js": growJS, "node_modules/.keep": "", "heapmage.yaml": "tasks: {build: {outputs: [dist/**]}}\n"}
	for name, megabytes := range map[string]int{"a": 100, "huge": 2000, "c": 100} {
		files["packages/"+name+"/package.json"] = fmt.Sprintf(`{"name": %q, "scripts": {"build": "node ../../grow.js %d"}}`, name, megabytes)
	}
	files["packages/d/package.json"] = `{"name": "d", "dependencies": {"huge": "*"}, "scripts": {"build": "echo never"}}`
	root := workspaceOf(t, "", files)
	if err := os.WriteFile(filepath.Join(root, "package.json"), []byte(`{"workspaces": ["packages/*"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	c := inCgroup(g, root, binary, "build")
	out, err := c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); code != 4 {
		t.Fatalf("exit code %d (%v), want 4\n%s", code, err, out)
	}
	for _, want := range []string{
		`✅ Building package: a completed`, `✅ Building package: c completed`, `⏭️  Skipping package: d \(huge failed\)`,
		`❌ Building package: huge failed after .*(stopped to keep the run inside its memory|killed by the kernel)`,
		`📉 Usage over .*█`, `📊 2 tasks succeeded, 1 failed, 1 skipped`, `Error: build failed, out of memory: huge`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("no line like %q in\n%s", want, out)
		}
	}
}

// TestFilesInMemory builds packages that write files in memory which no process maps. Both
// are learned at the first run, and do not run together at the second.
func TestFilesInMemory(t *testing.T) {
	testkit.NeedsNode(t)
	if err := os.WriteFile("/dev/shm/heapmage-test", nil, 0o644); err != nil {
		testkit.UnlessCI(t, fmt.Sprintf("there is no /dev/shm: %v", err))
	}
	_ = os.Remove("/dev/shm/heapmage-test")
	g := cgrouptest.New(t, 600<<20)
	files := map[string]string{"node_modules/.keep": ""}
	for _, name := range []string{"a", "b"} {
		file := fmt.Sprintf("/dev/shm/heapmage-test-%d-%s", os.Getpid(), name)
		t.Cleanup(func() { _ = os.Remove(file) })
		script := fmt.Sprintf("for i in 1 2 3 4 5 6 7; do head -c 48000000 /dev/zero && sleep 0.05 || exit; done >%[1]s && sleep 0.3 && rm %[1]s", file)
		files["packages/"+name+"/package.json"] = fmt.Sprintf(`{"name": %q, "scripts": {"build": %q}}`, name, script)
	}
	root := workspaceOf(t, "", files)
	if err := os.WriteFile(filepath.Join(root, "package.json"), []byte(`{"workspaces": ["packages/*"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for run, apart := range []string{``, `(?s)✅ Building package: (a|b) completed.*📦 Building package: (a|b)`} {
		c := inCgroup(g, root, binary, "build")
		out, err := c.CombinedOutput()
		if err != nil || g.Kills() > 0 {
			t.Fatalf("run %d: %v, %d kernel kills\n%s", run+1, err, g.Kills(), out)
		}
		if !regexp.MustCompile(apart).Match(out) {
			t.Errorf("run %d: both ran together\n%s", run+1, out)
		}
		if m := regexp.MustCompile(`/ 0\.00MB`).Find(out); m != nil {
			t.Errorf("run %d: a budget of zero\n%s", run+1, out)
		}
		t.Logf("%s", out)
	}
}

// TestNearTheLimit builds a package alone that comes within 40 MB of the limit. Its own
// command manages that, so heapmage must not end it.
func TestNearTheLimit(t *testing.T) {
	testkit.NeedsNode(t)
	g := cgrouptest.New(t, 500<<20)
	root := workspaceOf(t, "node near.js", map[string]string{"node_modules/.keep": "", "near.js": `
const kept = [];
const grow = () => {
  kept.push(Buffer.alloc(4 << 20, 1));
  if (kept.length < 109) return setTimeout(grow, kept.length < 90 ? 10 : 100);
  setTimeout(() => console.log("built"), 500);
};
grow();
`})
	c := inCgroup(g, root, binary, "build")
	if out, err := c.CombinedOutput(); err != nil || g.Kills() > 0 {
		t.Errorf("%v, %d kernel kills\n%s", err, g.Kills(), out)
	}
}
