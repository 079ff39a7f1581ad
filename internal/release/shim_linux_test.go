package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// scratch is a folder for all tests.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "heapmage-release-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// built is a release as the command builds it, for this system alone unless RIG is set.
var built = sync.OnceValues(func() (release, error) {
	only := "linux-x64"
	if os.Getenv("RIG") != "" {
		only = ""
	}
	chosen, err := choose(only)
	if err != nil {
		return release{}, err
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	r := release{root: root, version: "1.2.3", platforms: chosen, to: filepath.Join(scratch, "release")}
	return r, errors.Join(err, r.build(context.Background()))
})

// released returns that release. The test is skipped if it cannot run here.
func released(t *testing.T) release {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles all targets and starts Node many times; left out with -short")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("the packages with versions of Node are for amd64")
	}
	r, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// place unpacks the packages below the folder node_modules of dir, and returns the path of the shim.
func place(t *testing.T, r release, dir string) string {
	t.Helper()
	tarballs, err := r.unpack()
	if err != nil {
		t.Fatal(err)
	}
	for path, name := range map[string]string{
		"npm/heapmage-1.2.3.tgz":                     "heapmage",
		"npm/platforms/heapmage-linux-x64-1.2.3.tgz": "@heapmage/linux-x64",
	} {
		for _, f := range tarballs[path] {
			file := filepath.Join(dir, "node_modules", name, f.name)
			testkit.Write(t, filepath.Dir(file), filepath.Base(file), string(f.content))
			if f.executable {
				if err := os.Chmod(file, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return filepath.Join(dir, "node_modules", "heapmage", "bin", "heapmage.js")
}

// shimVersions are a Node that waits for the program, and one that becomes it.
var shimVersions = []string{"20", "24"}

// eachShim calls a test with command lines that start the shim, in a folder whose name has a space.
func eachShim(t *testing.T, test func(t *testing.T, node, shim string)) {
	r := released(t)
	for _, major := range shimVersions {
		t.Run("node "+major, func(t *testing.T) {
			test(t, filepath.Join(testkit.Node(t, major), "node"), place(t, r, filepath.Join(t.TempDir(), "a folder")))
		})
	}
}

// exitCode is how a command ended: its exit code, or -1 and the signal.
func exitCode(c *exec.Cmd) (int, syscall.Signal) {
	status := c.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -1, status.Signal()
	}
	return status.ExitStatus(), 0
}

func TestShim(t *testing.T) {
	eachShim(t, func(t *testing.T, node, shim string) {
		run := func(stdin string, args ...string) (code int, stdout, stderr string) {
			c := exec.Command(node, append([]string{shim}, args...)...)
			c.Dir = t.TempDir() // without a magefile or a go.mod
			var out, problems bytes.Buffer
			c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &problems
			if err := c.Run(); err != nil && c.ProcessState == nil {
				t.Fatal(err)
			}
			code, signal := exitCode(c)
			if signal != 0 {
				t.Errorf("%q: %v", args, signal)
			}
			return code, out.String(), problems.String()
		}
		for _, tt := range []struct {
			claim, stdin string
			args         []string
			code         int
			want         string // in what is printed
		}{
			{"the version is that of the package", "", []string{"--version"}, 0, "heapmage 1.2.3\n"},
			{"targets are listed", "", []string{"-l"}, 0, "\n  build:managed "},
			{"help says how it is called", "", []string{"help", "build"}, 0, "\theapmage build [<flags>]"},
			{"standard input reaches the command", "in\n", []string{"memory:watch", "-command=cat"}, 0, "in\n"},
			{"words stay as they are", "", []string{"memory:watch", "-command=" + `printf '%s|' "a  b" 'c"d' "" "🧙" "$((1+1))"` + "\n"}, 0, `a  b|c"d||🧙|2|`},
			{"guard's words stay as they are", "", []string{"guard", "--", "printf", "%s|", "a  b", `c"d`, "", "🧙", "$((1+1))", "e\nf"}, 0, "a  b|c\"d||🧙|$((1+1))|e\nf|"},
			{"a failed command", "", []string{"memory:watch", "-command=exit 1"}, 1, "exit code 1"},
			{"a wrong flag", "", []string{"--foo"}, 2, "not defined: -foo"},
			{"no repository", "", []string{"build"}, 2, "npm init"},
			{"a command that was killed", "", []string{"memory:watch", "-command=kill -9 $$"}, 137, "SIGKILL"},
		} {
			t.Run(tt.claim, func(t *testing.T) {
				code, stdout, stderr := run(tt.stdin, tt.args...)
				if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
					t.Errorf("exit code %d, want %d and %q\n%s%s", code, tt.code, tt.want, stdout, stderr)
				}
			})
		}
	})
}

func TestShimWithoutItsProgram(t *testing.T) {
	r := released(t)
	node := filepath.Join(testkit.Node(t, "24"), "node")
	const elsewhere = "Object.defineProperty(process, 'platform', { value: %q })\n"
	for _, tt := range []struct {
		claim    string
		platform string // that Node is to report
		change   func(modules string) error
		want     string
	}{
		{"a system without a program", "freebsd", nil, "heapmage: there is no program for freebsd-x64\n💡 it runs on darwin-arm64, "},
		{"another system than the installation's", "darwin", nil, "heapmage: @heapmage/darwin-x64 is not installed, but @heapmage/linux-x64 is: "},
		{"no optional dependencies", "linux", func(modules string) error {
			return os.RemoveAll(filepath.Join(modules, "@heapmage"))
		}, "--omit=optional\n💡 install with optional dependencies; for npm: npm install --include=optional"},
		{"a lost mode is set again", "linux", func(modules string) error {
			return os.Chmod(filepath.Join(modules, "@heapmage/linux-x64/bin/heapmage"), 0o644)
		}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			dir := t.TempDir()
			shim := place(t, r, dir)
			if tt.change != nil {
				if err := tt.change(filepath.Join(dir, "node_modules")); err != nil {
					t.Fatal(err)
				}
			}
			testkit.Write(t, dir, "elsewhere.cjs", fmt.Sprintf(elsewhere, tt.platform))
			c := exec.Command(node, "--require", filepath.Join(dir, "elsewhere.cjs"), shim, "--version")
			out, err := c.CombinedOutput()
			if code, _ := exitCode(c); tt.want == "" {
				if err != nil || string(out) != "heapmage 1.2.3\n" {
					t.Errorf("%v\n%s", err, out)
				}
			} else if code != 2 || !strings.Contains(string(out), tt.want) || strings.Count(string(out), "\n") != 2 {
				t.Errorf("exit code %d, want 2 and %q\n%s", code, tt.want, out)
			}
		})
	}
}

// TestShimSignals ends what the shim runs in every way, and looks at how both end.
func TestShimSignals(t *testing.T) {
	const command = `trap 'echo interrupted; exit 0' INT TERM; echo "$PPID ready"; while :; do sleep 0.1; done`
	eachShim(t, func(t *testing.T, node, shim string) {
		for _, tt := range []struct {
			claim    string
			terminal bool
			end      func(shim, program int, user io.Writer) error
			code     int
			signal   syscall.Signal
		}{
			{"Ctrl-C", true, func(_, _ int, user io.Writer) error { _, err := user.Write([]byte{3}); return err }, 130, 0},
			{"SIGTERM", false, func(shim, _ int, _ io.Writer) error { return syscall.Kill(shim, syscall.SIGTERM) }, 143, 0},
			{"SIGHUP", false, func(shim, _ int, _ io.Writer) error { return syscall.Kill(shim, syscall.SIGHUP) }, 143, 0},
			{"SIGINT without a terminal", false, func(shim, _ int, _ io.Writer) error { return syscall.Kill(shim, syscall.SIGINT) }, 130, 0},
			{"SIGINT to both without a terminal", false, func(shim, _ int, _ io.Writer) error { return syscall.Kill(-shim, syscall.SIGINT) }, 130, 0},
			{"SIGKILL of the program", false, func(_, program int, _ io.Writer) error { return syscall.Kill(program, syscall.SIGKILL) }, -1, syscall.SIGKILL},
		} {
			t.Run(tt.claim, func(t *testing.T) {
				c := exec.Command(node, shim, "memory:watch", "-command="+command)
				c.Dir = t.TempDir()
				var user *os.File
				var seen io.Reader
				if tt.terminal {
					var program *os.File
					user, program = testkit.Terminal(t)
					defer user.Close()
					defer program.Close()
					c.Stdin, c.Stdout, c.Stderr, seen = program, program, program, user
					c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
				} else {
					r, w, err := os.Pipe()
					if err != nil {
						t.Fatal(err)
					}
					defer r.Close()
					defer w.Close()
					c.Stdout, c.Stderr, seen = w, w, r
					c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				}
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				program := 0
				var text strings.Builder
				for one := make([]byte, 1); !strings.Contains(text.String(), " ready"); {
					if _, err := seen.Read(one); err != nil {
						t.Fatalf("%v\n%s", err, text.String())
					}
					text.Write(one)
				}
				words := strings.Fields(text.String())
				if _, err := fmt.Sscan(words[len(words)-2], &program); err != nil {
					t.Fatal(err)
				}
				go func() { _, _ = io.Copy(io.Discard, seen) }() // until the other end is closed
				if err := tt.end(c.Process.Pid, program, user); err != nil {
					t.Fatal(err)
				}
				_ = c.Wait()
				if code, signal := exitCode(c); code != tt.code || signal != tt.signal {
					t.Errorf("it ended with code %d and signal %v, want %d and %v", code, signal, tt.code, tt.signal)
				}
				if err := syscall.Kill(program, 0); program != c.Process.Pid && !errors.Is(err, syscall.ESRCH) {
					t.Errorf("the program still runs: %v", err)
				}
			})
		}
	})
}
