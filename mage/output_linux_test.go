package mage_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/testkit"
)

// recordOf is the record of the newest run in a workspace.
func recordOf(root string) string {
	files, _ := filepath.Glob(filepath.Join(root, ".heapmage/runs/*/events.jsonl"))
	if len(files) == 0 {
		return ""
	}
	text, _ := os.ReadFile(files[len(files)-1])
	return string(text)
}

func over(root string) func() bool {
	return func() bool { return strings.Contains(recordOf(root), `"run_finished"`) }
}

// intoPipe starts a build whose standard output is a pipe, and returns its end to read.
func intoPipe(t *testing.T, c *exec.Cmd, both bool) (r *os.File, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = w
	if both {
		c.Stderr = w
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close(); _ = c.Process.Kill() })
	return r, w
}

// severalOf writes a workspace of packages with the given scripts.
func severalOf(t *testing.T, files map[string]string, scripts ...string) string {
	t.Helper()
	all := map[string]string{"node_modules/.keep": "", "package-lock.json": `{"lockfileVersion": 3, "packages": {}}`}
	for i, script := range scripts {
		all[fmt.Sprintf("packages/p%d/package.json", i)] = fmt.Sprintf(`{"name": "p%d", "version": "1.0.0", "scripts": {"build": %q}}`, i, script)
	}
	for name, text := range files {
		all[name] = text
	}
	root := workspaceOf(t, "", all)
	if err := os.WriteFile(filepath.Join(root, "package.json"), []byte(`{"workspaces": ["packages/*"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestAReaderThatLeaves: printing ends, the build goes on.
func TestAReaderThatLeaves(t *testing.T) {
	testkit.NeedsNode(t)
	root := severalOf(t, nil, "echo early; sleep 1; seq 50000", "sleep 1; touch done; exit 3")
	for name, both := range map[string]bool{"of the output": false, "of output and errors": true} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(filepath.Join(root, ".heapmage")); err != nil {
				t.Fatal(err)
			}
			c := exec.Command(binary, "-v", "build")
			c.Dir = root
			r, w := intoPipe(t, c, both)
			_ = w.Close()
			if _, err := r.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			_ = c.Wait()
			if code := c.ProcessState.ExitCode(); code != 1 || !over(root)() || strings.Count(recordOf(root), `"task_finished"`) != 2 {
				t.Errorf("%v\n%s", c.ProcessState, recordOf(root))
			}
			if os.Remove(filepath.Join(root, "packages/p1/done")) != nil {
				t.Error("a package was not built")
			}
		})
	}
}

// TestAFullDiskUnderTheOutput: one line tells, and the exit code is the build's.
func TestAFullDiskUnderTheOutput(t *testing.T) {
	testkit.NeedsNode(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	defer full.Close()
	root := severalOf(t, nil, "echo a", "echo b")
	c := exec.Command(binary, "build")
	var stderr bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = root, full, &stderr
	if err := c.Run(); err != nil {
		t.Error(err)
	}
	if !regexp.MustCompile(`^⚠️  The output could not be printed to its end: no space left on device; all of it is in .heapmage/runs/\w+\n$`).Match(stderr.Bytes()) {
		t.Errorf("%s", stderr.Bytes())
	}
}

// TestANonBlockingPipe: another process makes the pipe non-blocking, and its reader is
// slow; nothing is lost, of the output and of the errors.
func TestANonBlockingPipe(t *testing.T) {
	testkit.NeedsNode(t)
	root := severalOf(t, nil, "sleep 0.5; seq 60000", "exit 3")
	for _, target := range []string{"build:managed", "build"} {
		c := exec.Command(binary, "-v", target)
		c.Dir = root
		c.Env = append(os.Environ(), "HEAPMAGE_KEEP_GOING=true")
		r, w := intoPipe(t, c, true)
		if err := unix.SetNonblock(int(w.Fd()), true); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the build to end", over(root))
		_ = w.Close()
		all, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if n := len(regexp.MustCompile(`(?m)^(p0: )?\d+$`).FindAll(all, -1)); n != 60000 || !bytes.Contains(all, []byte("Error: build failed: p1")) {
			t.Errorf("%s: %d of 60000 lines; it ends\n%s", target, n, all[max(0, len(all)-500):])
		}
		if err := os.RemoveAll(filepath.Join(root, ".heapmage")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnInterruptWhileNobodyReads ends a run that has only its output left, and one
// that still builds; also if nobody reads what Mage prints at an interrupt.
func TestAnInterruptWhileNobodyReads(t *testing.T) {
	testkit.NeedsNode(t)
	for _, tt := range []struct {
		claim, script string
		both          bool
		code          int
	}{
		{"after the build", "seq 60000", false, 0},
		{"after the build, its errors unread too", "seq 60000", true, 0},
		{"in the build", "seq 60000; touch started; sleep 4242", false, 130},
		{"in the build, its errors unread too", "seq 60000; touch started; sleep 4242", true, 130},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := workspaceOf(t, tt.script, nil)
			c := exec.Command(binary, "build")
			c.Dir = root
			intoPipe(t, c, tt.both)
			if tt.code == 0 {
				waitFor(t, "the build to end", over(root))
				time.Sleep(300 * time.Millisecond)
				if err := c.Process.Signal(syscall.Signal(0)); err != nil {
					t.Fatal("it did not wait for its reader")
				}
			} else {
				waitFor(t, "the script to start", func() bool { _, err := os.Stat(filepath.Join(root, "started")); return err == nil })
			}
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_ = c.Wait()
			if took := time.Since(began); c.ProcessState.ExitCode() != tt.code || took > 5*time.Second {
				t.Errorf("%v after %v", c.ProcessState, took)
			}
			waitFor(t, "every process to end", func() bool { return len(processesIn(root)) == 0 })
		})
	}
}

// TestOwnMemoryWhileNobodyReads prints 50 MB that nobody reads.
func TestOwnMemoryWhileNobodyReads(t *testing.T) {
	testkit.NeedsNode(t)
	lines := "yes 'a line of a bundler, and some more of it' | head -n 400000"
	root := severalOf(t, nil, lines, lines, lines)
	c := exec.Command(binary, "-v", "build")
	c.Dir = root
	r, w := intoPipe(t, c, false)
	_ = w.Close()
	waitFor(t, "the build to end", over(root))
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`RssAnon:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("%s", status)
	}
	if kb, err := strconv.Atoi(string(m[1])); err != nil || kb > 25<<10 {
		t.Errorf("it uses %d kB", kb)
	}
	t.Logf("%s", m[0])
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if n := len(regexp.MustCompile(`(?m)^p[012]: a line of a bundler, and some more of it$`).FindAll(all, -1)); n != 1_200_000 {
		t.Errorf("%d lines", n)
	}
}

// TestMemoryWhileNobodyReads: corrections go on while the output is not read.
func TestMemoryWhileNobodyReads(t *testing.T) {
	testkit.NeedsNode(t)
	g := cgrouptest.New(t, 900<<20)
	root := severalOf(t, map[string]string{
		"grow.js":       growJS,
		"heapmage.yaml": "tasks: {build: {outputs: [dist/**]}}\npackages: {p0: {need: 60MB}, p1: {need: 60MB}, p2: {need: 60MB}, p3: {need: 60MB}}\n",
	},
		"seq 60000 & node ../../grow.js 400 p0", "seq 60000 & node ../../grow.js 400 p1", "seq 60000 & node ../../grow.js 400 p2", "seq 60000 & node ../../grow.js 400 p3")
	c := inCgroup(g, root, binary, "-v", "build")
	c.Env = append(os.Environ(), "HEAPMAGE_CONCURRENCY=4")
	r, w := intoPipe(t, c, false)
	_ = w.Close()
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Wait() }()
	for end := time.Now().Add(2 * time.Minute); !over(root)() && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
	}
	if !over(root)() {
		t.Error("the run has not ended")
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if n := g.Kills(); n > 0 || c.ProcessState.ExitCode() != 0 {
		t.Errorf("%v, %d killed by the kernel\n%s", c.ProcessState, n, regexp.MustCompile(`(?m)^p\d: \d+\n`).ReplaceAll(all, nil))
	}
}
