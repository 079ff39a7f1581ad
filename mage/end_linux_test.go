package mage_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestNothingIsLeft ends a build in every possible way and looks for what its script
// started: a child that ignores signals, and a daemon that left its session.
func TestNothingIsLeft(t *testing.T) {
	testkit.NeedsNode(t)
	const script = `sh ./stay.sh`
	files := map[string]string{"stay.sh": `
trap '' INT TERM
setsid sleep 4242 >/dev/null 2>&1 &
sleep 4242 &
touch started
while :; do sleep 1; done
`}
	for _, tt := range []struct {
		claim string
		sig   syscall.Signal
		code  int
	}{
		{"after an interrupt", syscall.SIGINT, 130},
		{"after SIGTERM", syscall.SIGTERM, 143},
		{"after kill -9", syscall.SIGKILL, -1},
		{"at Mage's deadline", 0, 1},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := workspaceOf(t, script, files)
			var c *exec.Cmd
			var out bytes.Buffer
			started := func() bool { _, err := os.Stat(filepath.Join(root, "started")); return err == nil }
			for limit := 5 * time.Second; ; limit *= 2 {
				c = exec.Command(binary, "build")
				if tt.sig == 0 {
					c = exec.Command(binary, "-t", limit.String(), "build")
				}
				c.Dir = root
				out.Reset()
				c.Stdout, c.Stderr = &out, &out
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				if tt.sig != 0 {
					waitFor(t, "the script to start", started)
					break
				}
				if _ = c.Wait(); started() {
					break
				}
				if limit > time.Minute { // a loaded machine may be too slow for less
					t.Fatalf("the script did not start before a deadline of %v\n%s", limit, out.String())
				}
			}
			if tt.sig != 0 {
				if err := c.Process.Signal(tt.sig); err != nil {
					t.Fatal(err)
				}
			}
			_ = c.Wait()
			if code := c.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, out.String())
			}
			waitFor(t, "every process to end", func() bool { return len(processesIn(root)) == 0 })
		})
	}
}

// TestInterruptedInstall: an interrupt during the install has the same exit code as one
// during the build.
func TestInterruptedInstall(t *testing.T) {
	testkit.NeedsNode(t)
	root := workspaceOf(t, "true", map[string]string{
		"package.json":      `{"name": "lone", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}, "scripts": {"build": "true"}}`,
		"package-lock.json": `{"name": "lone", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}`,
		"bin/npm":           "#!/bin/sh\ntouch started\nsleep 4242\n",
	})
	if err := os.Chmod(filepath.Join(root, "bin/npm"), 0o755); err != nil {
		t.Fatal(err)
	}
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		c := exec.Command(binary, "build")
		c.Dir, c.Env = root, append(os.Environ(), "PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"))
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		started := filepath.Join(root, "started")
		waitFor(t, "the install to start", func() bool { return os.Remove(started) == nil })
		if err := c.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if code := c.ProcessState.ExitCode(); code != want {
			t.Errorf("%v: exit code %d, want %d\n%s", sig, code, want, out.String())
		}
		waitFor(t, "every process to end", func() bool { return len(processesIn(root)) == 0 })
	}
}

// TestKilledAtAnyMoment kills heapmage again and again. The next run must be able to
// read what it leaves, and no process may stay.
func TestKilledAtAnyMoment(t *testing.T) {
	testkit.NeedsNode(t)
	files := map[string]string{"node_modules/.keep": ""}
	for i := range 6 {
		files[fmt.Sprintf("packages/p%d/package.json", i)] = fmt.Sprintf(`{"name": "p%d", "scripts": {"build": "sleep 0.0%d"}}`, i, i+1)
	}
	root := workspaceOf(t, "", files)
	if err := os.WriteFile(filepath.Join(root, "package.json"), []byte(`{"workspaces": ["packages/*"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	heapmage := func(args ...string) *exec.Cmd {
		c := exec.Command(binary, args...)
		c.Dir = root
		return c
	}
	var whole time.Duration // a kill may come at any moment of it; the first run, which knows nothing, takes longer
	for range 2 {
		began := time.Now()
		if out, err := heapmage("build").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		whole = time.Since(began)
	}
	killed := 0
	defer func() {
		if killed < 50 {
			t.Errorf("only %d runs were killed before they ended", killed)
		}
	}()
	for i := range 100 {
		c := heapmage("build")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(whole)) // the moment of the kill
		_ = c.Process.Kill()
		if _ = c.Wait(); !c.ProcessState.Exited() {
			killed++
		}
		if i%10 == 9 {
			out, err := heapmage("build").CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("6 tasks succeeded")) {
				t.Fatalf("after %d kills: %v\n%s", i+1, err, out)
			}
			if bytes.Contains(out, []byte("set aside")) {
				t.Logf("after %d kills a line was set aside", i+1)
			}
		}
	}
	out, err := heapmage("memory:history").CombinedOutput()
	if err != nil || bytes.Count(out, []byte("#build")) != 6 {
		t.Errorf("%v\n%s", err, out)
	}
	waitFor(t, "every process to end", func() bool { return len(processesIn(root)) == 0 })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatalf("waited 20 s for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// processesIn lists the processes whose working folder is root.
func processesIn(root string) (found []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if dir, err := os.Readlink(link); err == nil && strings.HasPrefix(dir, root) {
			found = append(found, link)
		}
	}
	return found
}
