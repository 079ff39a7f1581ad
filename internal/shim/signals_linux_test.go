package shim

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// forwarded are the signals of the test, the last two of which end the program.
var forwarded = []syscall.Signal{
	syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGPIPE,
	syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGABRT, syscall.SIGIO, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGTERM,
}

// TestSignals: whatever is sent to the shell alone, or to the runner's group, reaches the
// script as often as it would under a shell.
func TestSignals(t *testing.T) {
	guarded := guardWith(t, admit)
	text := "exec env " + modeEnv + "=signals " + self(t)
	for claim, send := range map[string]func(c *exec.Cmd, shell int, s syscall.Signal) error{
		"to the shell alone":    func(_ *exec.Cmd, shell int, s syscall.Signal) error { return syscall.Kill(shell, s) },
		"to the runner's group": func(c *exec.Cmd, _ int, s syscall.Signal) error { return syscall.Kill(-c.Process.Pid, s) },
	} {
		t.Run(claim, func(t *testing.T) {
			var seen [2]string
			for i, g := range []*testGuard{nil, guarded} {
				c := g.runner(t, text)
				out := start(t, c)
				shell, script := out.number("shell"), out.number("ready")
				if (shell == script) != (g == nil) {
					t.Fatal("the shim is not there, or something else is")
				}
				if g != nil {
					eventually(t, "the shim leaves the group", func() bool {
						group, err := syscall.Getpgid(shell)
						return err == nil && group == shell
					})
				}
				for n, s := range forwarded {
					if claim == "to the runner's group" && runnerEndsBy(s) {
						continue
					}
					if err := send(c, shell, s); err != nil {
						t.Fatal(err)
					}
					if n+1 < len(forwarded) { // the next one must not overtake it
						out.await(fmt.Sprint("got ", s, "\n"))
					}
				}
				status := end(t, c)
				_, rest, _ := strings.Cut(out.String(), "got ")
				seen[i] = status + rest
			}
			differ(t, seen[0], seen[1])
			if !strings.Contains(seen[1], "status exit 7") {
				t.Error("the program has not ended in its own way:", seen[1])
			}
		})
	}
}

// runnerEndsBy reports whether the runner of the tests would end.
func runnerEndsBy(s syscall.Signal) bool {
	switch s {
	case syscall.SIGALRM, syscall.SIGPIPE, syscall.SIGABRT, syscall.SIGIO:
		return true
	}
	return false
}

// TestKills: what SIGKILL leaves is what it leaves of a shell.
func TestKills(t *testing.T) {
	guarded := guardWith(t, admit)
	for claim, kill := range map[string]func(c *exec.Cmd, shell int) error{
		"of the shell":          func(_ *exec.Cmd, shell int) error { return syscall.Kill(shell, syscall.SIGKILL) },
		"of the runner's group": func(c *exec.Cmd, _ int) error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) },
		"of the runner":         func(c *exec.Cmd, _ int) error { return c.Process.Kill() },
	} {
		for program, text := range map[string]string{
			"one program":              `echo script $$; exec cat`,
			"a shell, and its program": `echo script $$; cat; echo after`,
		} {
			t.Run(claim+", "+program, func(t *testing.T) {
				var lives [2]bool
				for i, g := range []*testGuard{nil, guarded} {
					c := g.runner(t, text)
					in, err := c.StdinPipe()
					if err != nil {
						t.Fatal(err)
					}
					out := start(t, c)
					shell, script := out.number("shell"), out.number("script")
					if err := kill(c, shell); err != nil {
						t.Fatal(err)
					}
					eventually(t, "the kill", func() bool { return ended(shell) || ended(c.Process.Pid) })
					if claim != "of the runner" {
						eventually(t, "the script ends", func() bool { return ended(script) && ended(shell) })
					}
					lives[i] = !ended(script)
					_ = in.Close()
					eventually(t, "cat ends with its input", func() bool { return ended(script) && ended(shell) })
					_ = c.Wait()
				}
				if lives[0] != lives[1] {
					t.Errorf("the script lives: %t under a shell, %t under the shim", lives[0], lives[1])
				}
			})
		}
	}
}

// ended reports whether a process is gone, or a zombie.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}
