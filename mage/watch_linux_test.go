package mage_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// watched is a workspace whose target is watched: web depends on core, docs on nothing. Each
// build copies src/a.ts and tells of itself in .git/builds, which is neither an input nor an output.
type watched struct {
	t    *testing.T
	root string
	c    *exec.Cmd
	out  lockedBuffer
}

// lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// watch starts to watch. The build is sh, with further files in the workspace, and flags.
func watch(t *testing.T, build string, files map[string]string, flags ...string) *watched {
	t.Helper()
	testkit.NeedsNode(t)
	if _, err := exec.LookPath("git"); err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	w := &watched{t: t, root: t.TempDir()}
	w.write("package.json", `{"name": "top", "private": true, "workspaces": ["packages/*"]}`)
	w.write("node_modules/.keep", "")
	w.write("build.sh", "basename $PWD >>../../.git/builds\n"+build)
	w.write(".gitignore", "node_modules\ndist\n.heapmage\n")
	for name, more := range map[string]string{"core": "", "web": `"dependencies": {"core": "*"}, `, "docs": ""} {
		w.write("packages/"+name+"/package.json", `{"name": "`+name+`", `+more+`"scripts": {"build": "sh ../../build.sh"}}`)
		w.write("packages/"+name+"/src/a.ts", "first")
	}
	for name, text := range files {
		w.write(name, text)
	}
	if out, err := exec.Command("git", "init", "-q", w.root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.c = exec.Command(binary, append([]string{"watch"}, flags...)...)
	w.c.Dir, w.c.Stdout, w.c.Stderr = w.root, &w.out, &w.out
	w.c.Env = append(os.Environ(), "NO_COLOR=1")
	if err := w.c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.c.Process.Kill()
		_ = w.c.Wait() // it has ended already, mostly
		if t.Failed() {
			t.Log(w.out.String())
		}
	})
	return w
}

func (w *watched) write(name, text string) {
	w.t.Helper()
	testkit.Write(w.t, w.root, name, text)
}

func (w *watched) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(w.root, name))
	return string(text)
}

// builds are the packages that were built since the last call, in any order, once it waits
// for the time-th time.
func (w *watched) builds(time int) string {
	w.t.Helper()
	waitFor(w.t, "it to wait for changes", func() bool { return strings.Count(w.out.String(), "👀 Watching") >= time })
	lines := strings.Fields(w.read(".git/builds"))
	_ = os.Remove(filepath.Join(w.root, ".git/builds"))
	counts := map[string]int{}
	for _, l := range lines {
		counts[l]++
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		for range counts[name] {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

// interrupt presses Ctrl-C and waits for the end.
func (w *watched) interrupt() {
	w.t.Helper()
	if err := w.c.Process.Signal(syscall.SIGINT); err != nil {
		w.t.Fatal(err)
	}
	_ = w.c.Wait()
	if code := w.c.ProcessState.ExitCode(); code != 130 {
		w.t.Errorf("exit code %d", code)
	}
	waitFor(w.t, "every process to end", func() bool { return len(processesIn(w.root)) == 0 })
}

const copies = "mkdir -p dist; cp src/a.ts dist/a.js\n"

func TestWatch(t *testing.T) {
	t.Run("builds what a change affects, and nothing else", func(t *testing.T) {
		w := watch(t, copies, nil)
		want := func(time int, packages string) {
			t.Helper()
			if got := w.builds(time); got != packages {
				t.Errorf("%d: it built %q, want %q", time, got, packages)
			}
		}
		want(1, "core docs web")
		w.write("packages/core/src/a.ts", "second")
		want(2, "core web")
		if w.read("packages/core/dist/a.js") != "second" || !strings.Contains(w.out.String(), "\n🔁 packages/core/src/a.ts changed\n") {
			t.Error("the change was not built, or not told")
		}
		w.write("packages/docs/dist/a.js", "by hand") // Git ignores it
		w.write("packages/docs/src/a.ts", "first")    // as it was
		w.write("packages/web/src/a.ts", "second")
		want(3, "web")
		w.write("packages/fresh/src/a.ts", "first")
		w.write("packages/fresh/package.json", `{"name": "fresh", "scripts": {"build": "sh ../../build.sh"}}`)
		want(4, "fresh")
		w.write("packages/fresh/src/a.ts", "second")
		want(5, "fresh")
		if !strings.Contains(w.out.String(), "👀 Watching 4 packages; press Ctrl-C to end") {
			t.Error("the new package is not counted")
		}
		w.write("tsconfig.base.json", "{}")
		want(6, "core docs fresh web")
		w.write("packages/core/package.json", "{")
		want(7, "")
		if !strings.Contains(w.out.String(), "Error: packages/core/package.json:1") {
			t.Error("the mistake is not told")
		}
		w.write("packages/core/package.json", `{"name": "core", "scripts": {"build": "sh ../../build.sh"}}`)
		want(8, "core web")
		w.interrupt()
	})
	t.Run("ends a build whose sources are edited, and builds them as they are then", func(t *testing.T) {
		w := watch(t, copies+"test \"$(cat dist/a.js)\" != slow || sleep 4242\n", nil)
		w.builds(1)
		w.write("packages/core/src/a.ts", "slow")
		waitFor(t, "the slow build", func() bool { return w.read("packages/core/dist/a.js") == "slow" })
		w.write("packages/core/src/a.ts", "third")
		if got := w.builds(2); got != "core core web" {
			t.Errorf("it built %q", got)
		}
		text := w.out.String()
		for _, line := range []string{"⏹️  Building package: core stopped after ", "⏹️  Build stopped: files have changed"} {
			if !strings.Contains(text, line) {
				t.Errorf("no line %q", line)
			}
		}
		if w.read("packages/web/dist/a.js") != "first" || w.read("packages/core/dist/a.js") != "third" {
			t.Error("the last edit was not built")
		}
		w.interrupt()
	})
	t.Run("builds again what failed", func(t *testing.T) {
		w := watch(t, copies+"test \"$(cat src/a.ts)\" != wrong\n", map[string]string{"packages/core/src/a.ts": "wrong"})
		if got := w.builds(1); got != "core docs" {
			t.Errorf("it built %q", got)
		}
		w.write("packages/docs/src/a.ts", "second")
		if got := w.builds(2); got != "core docs" {
			t.Errorf("it built %q", got)
		}
		w.write("packages/core/src/a.ts", "right")
		if got := w.builds(3); got != "core web" {
			t.Errorf("it built %q", got)
		}
		w.interrupt()
	})
	t.Run("does not build for ever what writes into its sources", func(t *testing.T) {
		w := watch(t, "date +%s%N >src/stamp.ts; cp src/a.ts src/copy.ts\n", nil)
		w.builds(1)
		w.write("packages/docs/src/a.ts", "second")
		if got := w.builds(2); got != "docs" || w.read("packages/docs/src/copy.ts") != "second" {
			t.Errorf("it built %q", got)
		}
		if text := w.out.String(); !strings.Contains(text, "stamp.ts") || !strings.Contains(text, "written in every run") || strings.Contains(text, "⏹️") {
			t.Error("it does not tell, or stopped a build for its own files")
		}
		w.interrupt()
	})
	t.Run("leaves no process behind, in the middle of a build", func(t *testing.T) {
		w := watch(t, "sleep 4242\n", nil)
		waitFor(t, "the builds to start", func() bool { return w.read(".git/builds") != "" })
		w.interrupt()
		if strings.Contains(w.out.String(), "👀") {
			t.Error("it says that it goes on")
		}
	})
}

// TestWatchOthers watches the other targets. A check of a package tells of itself as a build does,
// and of what it found.
func TestWatchOthers(t *testing.T) {
	files := map[string]string{"check.sh": "echo check-$(basename $PWD) >>../../.git/builds\ncat src/a.ts; test \"$(cat src/a.ts)\" != wrong\n"}
	for name, more := range map[string]string{"core": "", "web": `"dependencies": {"core": "*"}, `, "docs": ""} {
		const check = `"sh ../../check.sh"`
		files["packages/"+name+"/package.json"] = `{"name": "` + name + `", ` + more + `"scripts": {"build": "sh ../../build.sh", "typecheck": ` + check + `, "test": ` + check + `, "lint": ` + check + `}}`
	}
	for _, tt := range []struct {
		target string
		cached bool
		// What runs at first; after core is edited; while its check fails; after it is put back;
		// after only docs is edited.
		first, edited, wrong, back, docs string
	}{
		{"typecheck", false, "check-core check-docs check-web core", "check-core check-web core", "check-core check-web core", "check-core check-web core", "check-docs"},
		{"typecheck", true, "check-core check-docs check-web core", "check-core core", "check-core core", "", "check-docs"},
		{"test", false, "check-core check-docs check-web core", "check-core check-web core", "check-core check-web core", "check-core check-web core", "check-docs"},
		{"test", true, "check-core check-docs check-web core", "check-core check-web core", "check-core check-web core", "check-core check-web", "check-docs"},
		{"lint", false, "check-core check-docs check-web", "check-core check-web", "check-core check-web", "check-core check-web", "check-docs"},
		{"lint", true, "check-core check-docs check-web", "check-core", "check-core", "", "check-docs"},
	} {
		claim := tt.target
		if tt.cached {
			claim += " with kept results"
		}
		t.Run(claim, func(t *testing.T) {
			config := "cache: off\n"
			if tt.cached {
				config = "cache: on\n"
			}
			files["heapmage.yaml"] = config
			w := watch(t, copies, files, "-target="+tt.target)
			want := func(time int, tasks string) {
				t.Helper()
				if got := w.builds(time); got != tasks {
					t.Errorf("%d: it ran %q, want %q", time, got, tasks)
				}
			}
			want(1, tt.first)
			w.write("packages/core/src/a.ts", "second")
			want(2, tt.edited)
			w.write("packages/core/src/a.ts", "wrong")
			want(3, tt.wrong)
			w.write("packages/core/src/a.ts", "second")
			want(4, tt.back)
			w.write("packages/docs/src/a.ts", "third")
			want(5, tt.docs)
			w.interrupt()
		})
	}
	t.Run("build with kept results", func(t *testing.T) {
		files["heapmage.yaml"] = "cache: on\n"
		w := watch(t, "grep -v '^#' src/a.ts >src/x || true; mkdir -p dist; mv src/x dist/a.js\n", files)
		for i, step := range []struct{ text, built string }{{"", "core docs web"}, {"second", "core"}, {"# a comment\nsecond", "core"}, {"first", ""}, {"second", ""}} {
			if step.text != "" {
				w.write("packages/core/src/a.ts", step.text)
			}
			if got := w.builds(i + 1); got != step.built {
				t.Errorf("%q: it built %q, want %q", step.text, got, step.built)
			}
		}
		if got := w.read("packages/core/dist/a.js"); got != "second\n" {
			t.Errorf("there is %q", got)
		}
		w.interrupt()
	})
}
