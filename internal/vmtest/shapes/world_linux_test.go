package shapes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/cgrouptest"
	"github.com/heapmage/heapmage/internal/testkit"
)

const mb = 1 << 20

// group makes a cgroup of version 2.
func group(t *testing.T, limit int64) *cgrouptest.Group {
	t.Helper()
	if os.Getenv("RIG") == "" {
		t.Skip("runs real builds for some minutes; RIG=1 runs it")
	}
	g := cgrouptest.New(t, limit)
	if g.Version != 2 {
		t.Skip("this system has cgroups of version 1; package vmtest runs this in a machine with version 2")
	}
	return g
}

// workspace writes a workspace of packages with these build scripts, and returns its root.
// Each package is said to need 30 MB.
func workspace(t *testing.T, scripts map[string]string) string {
	t.Helper()
	root := t.TempDir()
	config := "tasks: {build: {outputs: [dist/**]}}\npackages:\n"
	for name := range scripts {
		config += fmt.Sprintf("  %s: {need: 30MB}\n", name)
	}
	testkit.Write(t, root, "heapmage.yaml", config)
	testkit.Write(t, root, "package.json", `{"workspaces": ["packages/*"]}`)
	testkit.Write(t, root, "node_modules/.keep", "")
	rewrite(t, root, scripts)
	return root
}

// rewrite gives the packages these build scripts.
func rewrite(t *testing.T, root string, scripts map[string]string) {
	t.Helper()
	for name, script := range scripts {
		text, err := json.Marshal(map[string]any{"name": name, "scripts": map[string]string{"build": script}})
		if err != nil {
			t.Fatal(err)
		}
		testkit.Write(t, root, "packages/"+name+"/package.json", string(text))
	}
}

// ran is how a command ended, and what it printed.
type ran struct {
	code int // -1 after a signal
	out  string
}

// run runs a command in the folder.
func run(t *testing.T, dir string, command ...string) ran {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), "HEAPMAGE_CONCURRENCY=3", "NO_COLOR=1")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	t.Logf("%s: exit code %d\n%s", strings.Join(command, " "), c.ProcessState.ExitCode(), out.String())
	return ran{c.ProcessState.ExitCode(), out.String()}
}

// entering returns a command that runs the targets in the cgroup, under the options of enter.
func entering(g *cgrouptest.Group, options string, targets ...string) []string {
	return append([]string{filepath.Join(programs, "enter"), g.Procs(), options, heapmage}, targets...)
}

// wants fails unless the command ended with the code, and its output has all the lines.
func (r ran) wants(t *testing.T, code int, lines ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, line := range lines {
		if !regexp.MustCompile(line).MatchString(r.out) {
			t.Errorf("no line like %q", line)
		}
	}
}

// whole fails unless each package wrote its output once and completely.
func whole(t *testing.T, root string, scripts map[string]string) {
	t.Helper()
	for name := range scripts {
		text, err := os.ReadFile(filepath.Join(root, "packages", name, "dist/out.txt"))
		if err != nil || string(text) != "half and half" {
			t.Errorf("%s wrote %q, %v", name, text, err)
		}
	}
}

// unprotected is a script that takes more than there is while heapmage is suspended, so
// that only the kernel can act.
const unprotected = `kill -STOP $PPID; grow 400 0; code=$?; kill -CONT $PPID; exit $code`
