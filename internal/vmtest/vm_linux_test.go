package vmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/testkit"
)

const module = "github.com/heapmage/heapmage/"

// suite are tests of a package that run in the machine.
type suite struct {
	path  string // below the module
	tests string // a pattern
}

// runEnv is a pattern of the only tests of package shapes that run.
const runEnv = "SHAPES_RUN"

var suites = []suite{
	{"memtools", "TestRealLimit|TestTrackerRealProcesses"},
	{"internal/meter", "TestMeterSeesAChild"},
	{"internal/vmtest/shapes", os.Getenv(runEnv)},
}

func (s suite) name() string { return filepath.Base(s.path) }

// needsMachine skips the test where the machine is not wanted, and fails it where it is but
// cannot be had.
func needsMachine(t *testing.T) {
	t.Helper()
	if os.Getenv("RIG") == "" {
		t.Skip("boots a machine for some minutes; RIG=1 runs it")
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); err == nil && bytes.Contains(text, []byte("memory")) {
		t.Skip("this system has cgroups of version 2: the tests run on it as part of their packages")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the machine is an amd64")
	}
	for _, program := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			testkit.UnlessCI(t, "there is no "+program+" to get a kernel and an emulator with")
		}
	}
}

// TestInTheMachine runs the suites in the machine, each of their tests as a separate test.
func TestInTheMachine(t *testing.T) {
	needsMachine(t)
	m := newMachine(t)
	initial := initialFiles(t, m, suiteScript())
	most := 7 * time.Minute
	if os.Getenv("SHAPES_RUNS") != "" {
		most = time.Hour
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), most, errors.New("the machine did not end in time"))
	defer cancel()
	began := time.Now()
	log, printed, err := m.boot(ctx, t, initial)
	t.Logf("the machine ran for %v", time.Since(began).Round(time.Second))
	for _, s := range suites {
		t.Run(s.name(), func(t *testing.T) { s.report(t, printed) })
	}
	if err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Logf("the kernel's log:\n%s", log)
	}
}

// suiteScript runs the suites, with a line before and after each.
func suiteScript() string {
	script := "export RIG=1 SHAPES_HEAPMAGE=/heapmage SHAPES_RUNS=" + os.Getenv("SHAPES_RUNS") + "\n"
	skip := ""
	if os.Getenv("SHAPES_RUNS") == "" {
		skip = "TestRuns"
	}
	for _, s := range suites {
		script += fmt.Sprintf("echo @@begin %[1]s\n/tests/%[1]s.test -test.v=test2json -test.run='%[2]s' -test.skip='%[3]s' 2>&1\nset -- $?; echo; echo @@end %[1]s $1\n", s.name(), s.tests, skip)
	}
	return script
}

// initialFiles compiles the tests, the benchmarks and the targets, and returns the initial
// file system with them and the script that the machine runs.
func initialFiles(t *testing.T, m machine, script string) string {
	t.Helper()
	dir := t.TempDir()
	compile := []string{"test", "-c", "-ldflags=-s -w", "-o", dir + "/"}
	for _, s := range suites {
		compile = append(compile, module+s.path)
	}
	testkit.Go(t, compile...)
	if err := testkit.Targets("../..", filepath.Join(dir, "heapmage"), "-ldflags", "-s -w"); err != nil {
		t.Fatal(err)
	}
	testkit.Go(t, "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "bench"), module+"internal/bench")
	file, err := os.Create(filepath.Join(dir, "initial"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a := newArchive(file)
	a.program("bin/busybox", m.find(t, "bin/busybox"))
	a.program("brd.ko", m.find(t, "lib/modules/*/kernel/drivers/block/brd.ko"))
	a.program("heapmage", filepath.Join(dir, "heapmage"))
	a.program("bench", filepath.Join(dir, "bench"))
	for _, s := range suites {
		a.program("tests/"+s.name()+".test", filepath.Join(dir, s.name()+".test"))
	}
	a.file("init", 0o755, []byte(strings.ReplaceAll(initScript, "$SWAP", fmt.Sprint(swap<<10))))
	a.file("tests.sh", 0o644, []byte("export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root CI=true\n"+script))
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// report makes a test of each test that the suite printed.
func (s suite) report(t *testing.T, printed []byte) {
	_, text, begun := bytes.Cut(printed, []byte("@@begin "+s.name()+"\n"))
	text, end, ended := bytes.Cut(text, []byte("\n@@end "+s.name()+" "))
	if !begun || !ended {
		t.Fatalf("it did not run to its end:\n%s", text)
	}
	tests := parse(t, append(text, '\n'))
	for _, one := range tests {
		t.Run(one.name, func(t *testing.T) {
			switch one.action {
			case "pass":
				if testing.Verbose() {
					t.Log(one.output.String())
				}
			case "skip":
				t.Errorf("it was skipped, although all that it needs is there\n%s", one.output.String())
			default:
				t.Error(one.output.String())
			}
		})
	}
	if !t.Failed() && (len(tests) == 0 || !bytes.HasPrefix(end, []byte("0\n"))) {
		t.Errorf("%d tests, exit code %s\n%s", len(tests), bytes.SplitN(end, []byte("\n"), 2)[0], text)
	}
}

// result is how one test ended.
type result struct {
	name, action string
	output       strings.Builder
}

// parse reads what a test program printed with -test.v=test2json.
func parse(t *testing.T, text []byte) (tests []*result) {
	t.Helper()
	c := exec.Command("go", "tool", "test2json")
	c.Stdin = bytes.NewReader(text)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*result{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var event struct{ Action, Test, Output string }
		if err := decoder.Decode(&event); errors.Is(err, io.EOF) {
			return tests
		} else if err != nil {
			t.Fatal(err)
		}
		if event.Test == "" {
			continue
		}
		one := byName[event.Test]
		if one == nil {
			one = &result{name: event.Test}
			byName[event.Test] = one
			tests = append(tests, one)
		}
		switch event.Action {
		case "pass", "fail", "skip":
			one.action = event.Action
		case "output":
			one.output.WriteString(event.Output)
		}
	}
}
