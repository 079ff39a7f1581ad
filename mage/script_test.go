package mage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/pool/worker"

	// The binary is built from these. Imported here, they make the test cache notice
	// their changes.
	_ "github.com/heapmage/heapmage/mage"
	_ "github.com/heapmage/heapmage/mage/build"
)

// binary is this repository's magefile, compiled as a user would for CI.
var binary string

func TestMain(m *testing.M) {
	worker.Main(insideWorker)
	relay()
	testkit.OutsideCI()
	code, err := withBinary(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withBinary(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "heapmage-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "heapmage")
	if err := testkit.Targets("..", binary); err != nil {
		return 0, err
	}
	return run(), nil
}

// TestScripts runs what users see: each script is a workspace and what its
// targets print. "heapmage CODE ARGS…" runs the targets and wants that exit code.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Node many times; left out with -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		testkit.UnlessCI(t, "there is no node")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("SAVED", os.Getenv("PATH"))
			e.Setenv("PATH", os.Getenv("PATH"))
			e.Setenv("HEAPMAGE", binary)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"heapmage": runHeapmage},
	})
}

func runHeapmage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: heapmage CODE ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	c := exec.Command(binary, args[1:]...)
	c.Dir = ts.Getenv("PWD")
	if c.Dir == "" || !filepath.IsAbs(c.Dir) {
		c.Dir = ts.MkAbs(".")
	}
	c.Env = os.Environ()
	for _, name := range []string{"NO_COLOR", "HOME", "NODE_OPTIONS", "PATH", "HEAPMAGE_BUDGET", "HEAPMAGE_HEAP_LIMIT", "HEAPMAGE_BUGDET", "HEAPMAGE_CONCURRENCY", "HEAPMAGE_GC_COOLDOWN", "HEAPMAGE_CACHE", "HEAPMAGE_CACHE_REMOTE", "HEAPMAGE_CACHE_WRITE", "HEAPMAGE_CACHE_SIGNING_KEY", "HEAPMAGE_OBSERVE", "HEAPMAGE_OUTPUT", "MODE", "UNNAMED", "CI", "DISPLAY", "WAYLAND_DISPLAY"} {
		c.Env = append(c.Env, name+"="+ts.Getenv(name))
	}
	system := false
	for _, name := range []string{"HEAPMAGE_CI", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "TF_BUILD"} {
		c.Env = append(c.Env, name+"="+ts.Getenv(name))
		system = system || ts.Getenv(name) != ""
	}
	if system { // a run inside the task that runs the tests would tell a CI system nothing
		c.Env = append(c.Env, environ.Task+"=")
	}
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	_, _ = ts.Stdout().Write(stdout.Bytes())
	_, _ = ts.Stderr().Write(stderr.Bytes())
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", code, want, stdout.String(), stderr.String())
	}
}
