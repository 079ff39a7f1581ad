package mage_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/testkit"
)

// hang is how long a command may take that is expected to end by itself.
const hang = 2 * time.Minute

// guardWorkspace writes a workspace with the packages a, b and c. scripts are their scripts by
// name, files are more files. No two of their tasks fit together by what they are said to need,
// with the budget of guarded.
func guardWorkspace(t *testing.T, scripts, files map[string]string) string {
	t.Helper()
	testkit.NeedsNode(t)
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"package.json":  `{"name": "root", "private": true, "packageManager": "npm@10.8.2", "workspaces": ["packages/*"]}`,
		".npmrc":        "update-notifier=false\n",
		"heapmage.yaml": "packages: {a: {need: 1GB}, b: {need: 1GB}, c: {need: 1GB}, root: {need: 1GB}}\n",
	}
	for name, scripts := range scripts {
		all["packages/"+name+"/package.json"] = fmt.Sprintf(`{"name": %q, "version": "1.0.0", "scripts": {%s}}`, name, scripts)
	}
	maps.Copy(all, files)
	for name, text := range all {
		testkit.Write(t, root, name, text)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, link := range processesIn(root) {
				args, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
				stat, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "stat"))
				t.Logf("left: %q %s", args, stat)
			}
		}
		endIn(root)
	})
	return root
}

// endIn ends all processes whose working folder is root.
func endIn(root string) {
	for _, link := range processesIn(root) {
		var pid int
		if _, err := fmt.Sscanf(link, "/proc/%d/cwd", &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// guarded is a command line under the guard.
func guarded(root, command string, env ...string) *exec.Cmd {
	c := exec.Command(binary, "memory:guard", "-command="+command)
	c.Dir, c.Env = root, append(append(os.Environ(), "HEAPMAGE_BUDGET=1200MB"), env...)
	return c
}

// unguarded is the same without the guard.
func unguarded(root, command string, env ...string) *exec.Cmd {
	c := exec.Command("/bin/sh", "-c", command)
	// Mage, which may run these tests, sets a variable that the guard takes away again.
	c.Dir, c.Env = root, append(environ.Without(os.Environ(), environ.MageVerbose), env...)
	return c
}

// ends runs a command, which is a hang if it does not end, and returns its exit code.
func ends(t *testing.T, c *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, log bytes.Buffer
	if c.Stdout == nil {
		c.Stdout = &out
	}
	if c.Stderr == nil {
		c.Stderr = &log
	}
	if c.SysProcAttr == nil { // what a runner does to its process group is not done to these tests
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(hang, func() {
		for _, link := range processesIn(c.Dir) {
			args, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			stat, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "stat"))
			t.Logf("alive: %q %s", args, stat)
		}
		t.Errorf("hangs: %q", c.Args)
		_ = c.Process.Kill()
		endIn(c.Dir)
	})
	err := c.Wait()
	late.Stop()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Errorf("%v\n%s%s", err, out.String(), log.String())
	}
	return out.String(), log.String(), c.ProcessState.ExitCode()
}

// succeeds runs a command that is expected to succeed, and returns what it printed.
func succeeds(t *testing.T, c *exec.Cmd) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, code := ends(t, c)
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	return stdout, stderr
}
