package shim

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/testkit"
)

// onTerminal starts a command as the leader of a session that has a terminal.
func onTerminal(t *testing.T, c *exec.Cmd) (keys *os.File, out *output) {
	t.Helper()
	keys, screen := testkit.Terminal(t)
	defer screen.Close()
	c.Stdin, c.Stdout, c.Stderr = screen, screen, screen
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	out = newOutput(t)
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		buffer := make([]byte, 4096)
		for {
			n, err := keys.Read(buffer)
			_, _ = out.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = keys.Close()
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
		<-reading
	})
	return keys, out
}

func press(t *testing.T, keys *os.File, text string) {
	t.Helper()
	if _, err := keys.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// reader echoes what it reads, and tells in words that no key press contains.
const reader = `echo sc''ript $$; while read x; do echo re''ad $x; done`

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// bash is an interactive shell with job control, and the command that is typed there.
func (g *testGuard) bash(t *testing.T, text string) (*exec.Cmd, string) {
	c := exec.Command("bash", "--norc", "--noprofile", "-i")
	r := g.runner(t, text)
	c.Env = append(r.Env, "PS1=> ", "TERM=dumb")
	for i, e := range c.Env { // of the runner only
		if strings.HasPrefix(e, modeEnv) {
			c.Env[i] = "_="
		}
	}
	return c, modeEnv + "=runner " + self(t) + " " + quoted(text) + "\n"
}

// both runs a test without and with a guard.
func both(t *testing.T, test func(t *testing.T, g *testGuard)) {
	t.Helper()
	t.Run("under a shell", func(t *testing.T) { test(t, nil) })
	t.Run("under the shim", func(t *testing.T) { test(t, guardWith(t, admit)) })
}

func stateOf(pid int) string {
	stat, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		return "gone"
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}

func TestJobControl(t *testing.T) {
	both(t, func(t *testing.T, g *testGuard) {
		c, line := g.bash(t, reader)
		keys, out := onTerminal(t, c)
		out.await("> ")
		press(t, keys, line)
		shell, script := out.number("shell"), out.number("script")
		press(t, keys, "hello\n")
		out.await("read hello")
		press(t, keys, "\x1a") // Ctrl-Z
		out.await("Stopped")
		eventually(t, "the script stops", func() bool { return stateOf(script) == "T" })
		eventually(t, "the shell asks", func() bool { return strings.HasSuffix(out.String(), "> ") })
		press(t, keys, "fg\n")
		eventually(t, "the script goes on", func() bool { return stateOf(script) == "S" })
		press(t, keys, "again\n")
		out.await("read again")
		press(t, keys, "\x03") // Ctrl-C
		out.await("status signal interrupt")
		eventually(t, "all end", func() bool { return ended(shell) && ended(script) })
	})
}

func TestCtrlCReachesTheScriptOnce(t *testing.T) {
	text := "exec env " + modeEnv + "=signals " + self(t)
	both(t, func(t *testing.T, g *testGuard) {
		c, line := g.bash(t, text)
		keys, out := onTerminal(t, c)
		out.await("> ")
		press(t, keys, line)
		shell := out.number("shell")
		out.number("ready")
		if g != nil {
			eventually(t, "the shim leaves the group", func() bool {
				group, err := syscall.Getpgid(shell)
				return err == nil && group == shell
			})
		}
		press(t, keys, "\x03")
		out.await("got interrupt")
		press(t, keys, "\x1c") // Ctrl-\
		out.await("got quit")
		for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
			if err := syscall.Kill(shell, s); err != nil {
				t.Fatal(err)
			}
			out.await("got " + s.String())
		}
		out.await("status exit 7")
		for _, once := range []string{"got interrupt", "got quit"} {
			if n := strings.Count(out.String(), once); n != 1 {
				t.Errorf("%q %d times:\n%s", once, n, out)
			}
		}
	})
}

// TestCtrlZWithoutAShell: in a session that has no shell, as in docker run -it, nobody would
// let a stopped script go on.
func TestCtrlZWithoutAShell(t *testing.T) {
	both(t, func(t *testing.T, g *testGuard) {
		keys, out := onTerminal(t, g.runner(t, reader))
		script := out.number("script")
		press(t, keys, "hello\n")
		out.await("read hello")
		for _, word := range []string{"once", "twice"} {
			press(t, keys, "\x1a")
			press(t, keys, word+"\n")
			out.await("read " + word)
		}
		press(t, keys, "\x03")
		out.await("status signal interrupt")
		eventually(t, "the script ends", func() bool { return ended(script) })
	})
}

// TestTheShellOfAStoppedJobIsKilled: the system hangs up on what nobody can let go on.
func TestTheShellOfAStoppedJobIsKilled(t *testing.T) {
	both(t, func(t *testing.T, g *testGuard) {
		c, line := g.bash(t, reader)
		keys, out := onTerminal(t, c)
		out.await("> ")
		press(t, keys, line)
		shell, script := out.number("shell"), out.number("script")
		press(t, keys, "\x1a")
		out.await("Stopped")
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all end", func() bool { return ended(shell) && ended(script) })
	})
}

// TestASessionOfItsOwn: a shim that leads its session cannot leave its group. The terminal's
// signals still come once, and SIGHUP, which a leader alone is sent, comes at all.
func TestASessionOfItsOwn(t *testing.T) {
	text := "exec env " + modeEnv + "=signals " + self(t)
	both(t, func(t *testing.T, g *testGuard) {
		c := g.shell(text)
		keys, out := onTerminal(t, c)
		script := out.number("ready")
		press(t, keys, "\x03")
		out.await("got interrupt")
		size := unix.Winsize{Row: 10, Col: 20}
		if err := unix.IoctlSetWinsize(int(keys.Fd()), unix.TIOCSWINSZ, &size); err != nil {
			t.Fatal(err)
		}
		out.await("got window changed")
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM} {
			if err := syscall.Kill(c.Process.Pid, s); err != nil {
				t.Fatal(err)
			}
			out.await("got " + s.String())
		}
		if status := end(t, c); status != "exit 7" {
			t.Error(status)
		}
		for _, once := range []string{"interrupt", "window changed", "hangup"} {
			if n := strings.Count(out.String(), "got "+once); n != 1 {
				t.Errorf("%s %d times:\n%s", once, n, out)
			}
		}
		eventually(t, "the script ends", func() bool { return ended(script) })
	})
}
