package mage_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// cached is a workspace of one package, a, whose results are kept.
type cached struct {
	*testing.T
	root string
}

func newCached(t *testing.T, script string, files map[string]string) *cached {
	t.Helper()
	testkit.NeedsNode(t)
	if _, err := exec.LookPath("git"); err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	w := &cached{t, t.TempDir()}
	all := map[string]string{
		"package.json": `{"name": "top", "private": true, "workspaces": ["packages/*"]}`, "node_modules/.keep": "",
		"packages/a/package.json": fmt.Sprintf(`{"name": "a", "scripts": {"build": %q}}`, script),
		".gitignore":              "node_modules\ndist\n.heapmage\n", "heapmage.yaml": "cache: on\n",
	}
	for name, text := range files {
		all[name] = text
	}
	testkit.WriteAll(t, w.root, all)
	w.sh("git init -q .")
	return w
}

func (w *cached) sh(text string) {
	w.Helper()
	c := exec.Command("sh", "-ec", text)
	c.Dir = w.root
	if out, err := c.CombinedOutput(); err != nil {
		w.Fatalf("%s: %v\n%s", text, err, out)
	}
}

func (w *cached) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(w.root, "packages/a", name))
	return string(text)
}

func (w *cached) command(target string) *exec.Cmd {
	c := exec.Command(binary, target)
	c.Dir, c.Env = w.root, append(os.Environ(), "NO_COLOR=1")
	return c
}

// build builds, and wants a line with each of some words. It returns how much memory the
// largest process took, in KB.
func (w *cached) build(words ...string) (peak int64) {
	w.Helper()
	c := w.command("build")
	out, err := c.CombinedOutput()
	if err != nil {
		w.Fatalf("%v\n%s", err, out)
	}
	for _, word := range words {
		if !strings.Contains(string(out), word) {
			w.Errorf("no %q in\n%s", word, out)
		}
	}
	usage, _ := c.ProcessState.SysUsage().(*syscall.Rusage)
	return usage.Maxrss
}

const (
	runs     = "📦 Building package: a...\n"
	upToDate = "⚡ Building package: a is up to date"
	restored = "⚡ Building package: a restored from cache"
)

// mountSmall mounts a file system in memory of 2 MB on a folder of the workspace.
func (w *cached) mountSmall(name string) {
	w.Helper()
	if os.Geteuid() != 0 {
		testkit.UnlessCI(w.T, "mounting needs root")
	}
	at := filepath.Join(w.root, name)
	if err := os.MkdirAll(at, 0o755); err != nil {
		w.Fatal(err)
	}
	if err := syscall.Mount("heapmage-test", at, "tmpfs", 0, "size=2m"); err != nil {
		testkit.UnlessCI(w.T, "a tmpfs cannot be mounted: "+err.Error())
	}
	w.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			w.Error(err)
		}
	})
}

// TestKnownResults: a kept result is right, and nothing fails because results are kept.
func TestKnownResults(t *testing.T) {
	large, many := 200, 500 // MB, files
	if os.Getenv("RIG") != "" {
		large, many = 1100, 50_000
	}
	t.Run("a large output takes no memory", func(t *testing.T) {
		w := newCached(t, fmt.Sprintf("mkdir -p dist && truncate -s %dM dist/large && echo end >>dist/large", large), nil)
		peak := w.build(runs)
		w.sh("mv packages/a/dist/large before")
		peak = max(peak, w.build(restored))
		w.sh("cmp before packages/a/dist/large")
		if peak > 100_000 {
			t.Errorf("it took %d KB", peak)
		}
	})
	t.Run("many files are inputs and outputs", func(t *testing.T) {
		w := newCached(t, "cp -r src dist", nil)
		for n := range many {
			testkit.Write(t, w.root, fmt.Sprintf("packages/a/src/a-folder-with-a-longer-name-%d/component-with-a-longer-name-%d.ts", n%(many/100), n), fmt.Sprint("file ", n))
		}
		w.build(runs)
		w.build(upToDate)
		w.sh("rm -r packages/a/dist/a-folder-with-a-longer-name-0")
		w.build(restored)
		w.sh("diff -r packages/a/src packages/a/dist")
	})
	t.Run("names that differ in case are different", func(t *testing.T) {
		w := newCached(t, "mkdir -p dist && cat src/x src/X >dist/out && echo lower >dist/y && echo UPPER >dist/Y",
			map[string]string{"packages/a/src/x": "1", "packages/a/src/X": "2"})
		w.build(runs)
		w.sh("rm packages/a/dist/Y")
		w.build(restored)
		w.sh("rm -r packages/a/dist")
		w.build(restored)
		if w.read("dist/out") != "12" || w.read("dist/y") != "lower\n" || w.read("dist/Y") != "UPPER\n" {
			t.Error("it was put back wrong")
		}
		w.sh("cd packages/a/src; mv x t; mv X x; mv t X")
		w.build(runs, "🔍 a: packages/a/src/X changed")
		if w.read("dist/out") != "21" {
			t.Error("it was built wrong")
		}
	})
	t.Run("times of files tell nothing", func(t *testing.T) {
		w := newCached(t, "mkdir -p dist && cat src >dist/out", map[string]string{"packages/a/src": "1"})
		w.sh("touch -d '+2 days' packages/a/src")
		w.build(runs)
		w.build(upToDate)
		for _, text := range []string{"2", "3"} { // of the same size, and with the same time
			w.sh("cd packages/a; touch -r src ../../time; printf " + text + " >src; touch -r ../../time src")
			w.build(runs, "🔍 a: packages/a/src changed")
		}
		w.sh("touch -d 1970-01-02 packages/a/src packages/a/dist/out")
		w.build(upToDate)
		if w.read("dist/out") != "3" {
			t.Error("it was built wrong")
		}
		w.sh("find .heapmage/cache -exec touch -d '+1 year' {} +; printf 1 >packages/a/src")
		w.build(restored)
		w.build(upToDate)
		w.sh("printf 4 >packages/a/src")
		w.build(runs)
		w.build(upToDate)
		if w.read("dist/out") != "4" {
			t.Error("it was built wrong")
		}
	})
	t.Run("a full disk keeps no result, and fails no task", func(t *testing.T) {
		w := newCached(t, "mkdir -p dist && head -c 3000000 /dev/urandom >dist/out", nil)
		w.mountSmall(".heapmage")
		w.build(runs)
		w.build(runs, "🔍 a: its last result was not kept: the disk is full")
		w.sh("head -c 3000000 /dev/zero >.heapmage/filler || true")
		w.build(runs)
		w.sh("umount .heapmage; mount -t tmpfs -o size=20m heapmage-test .heapmage")
		w.build(runs)
		w.build(upToDate)
	})
	t.Run("a disk that fills while a result is put back", func(t *testing.T) {
		w := newCached(t, "mkdir -p dist && for f in one two; do head -c 600000 /dev/zero >dist/$f; done", nil)
		w.mountSmall("packages/a/dist")
		w.build(runs)
		w.sh("cd packages/a/dist; rm *; head -c 1200000 /dev/zero >filler")
		out, err := w.command("build").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "🔍 a: packages/a/dist/two: no space left on device") { // nor can the task write it
			t.Errorf("%v\n%s", err, out)
		}
		w.sh("cd packages/a/dist; ! ls -A | grep heapmage; rm filler")
		w.build(restored)
		w.sh("cd packages/a/dist; cmp one two; test $(wc -c <two) = 600000")
	})
	t.Run("a cache that is removed meanwhile fails no task", func(t *testing.T) {
		w := newCached(t, "mkdir -p dist && rm -rf ../../.heapmage/cache && cat src >dist/out", map[string]string{"packages/a/src": "1"})
		w.build(runs)
		w.build(runs, "🔍 a: its last result was not kept: another run had the same task at the same time, or the cache was removed")
		w.sh("sed -i 's/.heapmage.cache/.heapmage/' packages/a/package.json")
		w.build(runs)
		w.sh("sed -i 's,rm -rf [./]*heapmage && ,,' packages/a/package.json")
		w.build(runs)
		w.build(upToDate)
	})
	t.Run("two runs at once keep nothing half", func(t *testing.T) {
		// What is in .git is no input.
		w := newCached(t, "mkdir -p dist; : >dist/out; read x <../../.git/one; cat src >dist/out; read x <../../.git/two", map[string]string{"packages/a/src": "1"})
		w.sh("mkfifo .git/one .git/two")
		open := func(name string) { w.sh("timeout 20 sh -c 'echo >.git/" + name + "'") } // it waits for a reader
		start := func() (*exec.Cmd, *strings.Builder) {
			c, out := w.command("build"), &strings.Builder{}
			c.Stdout, c.Stderr = out, out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			return c, out
		}
		first, firstOut := start()
		open("one")
		waitFor(t, "the first to write", func() bool { return w.read("dist/out") == "1" })
		second, secondOut := start()
		waitFor(t, "the second to begin", func() bool { return w.read("dist/out") == "" })
		open("two") // the first one ends while there is the second one's half
		if err := first.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, firstOut)
		}
		open("one")
		open("two")
		if err := second.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, secondOut)
		}
		third, thirdOut := start()
		open("one")
		open("two")
		if err := third.Wait(); err != nil || !strings.Contains(thirdOut.String(), "🔍 a: its last result was not kept: another run had the same task at the same time") {
			t.Errorf("%v\n%s", err, thirdOut)
		}
		w.build(upToDate)
		if w.read("dist/out") != "1" {
			t.Error("half a result was kept")
		}
	})
}
