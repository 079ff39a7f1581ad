package shim

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/environ"
)

func TestAsk(t *testing.T) {
	g := guardWith(t, admit)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := g.shell("exit 3")
	c.Dir, c.Env = dir, append(environ.Without(c.Env, environ.NodeOptions), "NODE_OPTIONS=--no-warnings")
	start(t, c)
	if got := end(t, c); got != "exit 3" {
		t.Error(got)
	}
	want := admission.Ask{PID: c.Process.Pid, Event: "build", Folder: dir, Text: "the text", NodeOptions: "--no-warnings", Stdin: frame.Null}
	if got := g.asked(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	eventually(t, "the guard hears of the end", func() bool { return len(g.ended()) == 1 })
	if e := g.ended()[0]; e.Code != 3 || e.Signal != 0 || e.Read || e.MaxRSS != 0 && e.MaxRSS < 100<<10 || e.User+e.System <= 0 {
		t.Errorf("got %+v", e)
	}
}

// TestStraightThrough: what is no package script does not ask, and keeps its environment.
func TestStraightThrough(t *testing.T) {
	g := guardWith(t, func(_ *testGuard, sc *admission.Script) { _ = sc.Pass(true, "") })
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("echo $PATH $$"), 0o600); err != nil {
		t.Fatal(err)
	}
	for claim, prepare := range map[string]func(c *exec.Cmd){
		"a file of commands":        func(c *exec.Cmd) { c.Args = []string{"sh", file} },
		"standard input":            func(c *exec.Cmd) { c.Args, c.Stdin = []string{"sh"}, strings.NewReader("echo $PATH $$") },
		"a command of another kind": func(c *exec.Cmd) { c.Env = environ.Without(c.Env, environ.NPMLifecycleEvent) },
	} {
		t.Run(claim, func(t *testing.T) {
			c := g.shell("echo $PATH $$")
			prepare(c)
			out := start(t, c)
			if got := end(t, c); got != "exit 0" {
				t.Error(got, out)
			}
			if want := environ.Value(g.env, environ.Path) + " " + itoa(c.Process.Pid) + "\n"; out.String() != want {
				t.Errorf("got %s, want %s", out, want)
			}
			if len(g.asked()) > 0 {
				t.Error("it has asked")
			}
		})
	}
	t.Run("pass", func(t *testing.T) {
		c := g.shell("echo $PATH $$")
		out := start(t, c)
		if got := end(t, c); got != "exit 0" || len(g.asked()) != 1 {
			t.Error(got, out)
		}
		if want := environ.Value(g.env, environ.Path) + " " + itoa(c.Process.Pid) + "\n"; out.String() != want {
			t.Errorf("got %s, want %s", out, want)
		}
	})
}

// TestWithoutAGuard: whatever becomes of the guard, scripts run, and nothing leads to it.
func TestWithoutAGuard(t *testing.T) {
	text := "echo $PATH $$ ${npm_config_script_shell-none}"
	plain := environ.Value(plainEnv(), environ.Path)
	wantRun := func(t *testing.T, c *exec.Cmd, out *output) {
		t.Helper()
		status := end(t, c)
		if want := plain + " " + itoa(c.Process.Pid) + " none\n"; status != "exit 0" || out.String() != want {
			t.Errorf("%s: got %q, want %q", status, out, want)
		}
	}
	t.Run("it is gone", func(t *testing.T) {
		g := guardWith(t, admit)
		c := g.shell(text)
		if err := g.Close(true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(g.Folder()) })
		start(t, c) // with the shell that stays in the folder
		if got := end(t, c); got != "exit 0" {
			t.Error(got)
		}
	})
	t.Run("it was killed", func(t *testing.T) {
		g := guardWith(t, admit)
		c := g.shell(text)
		if err := os.Remove(filepath.Join(g.Folder(), frame.SocketName)); err != nil {
			t.Fatal(err)
		}
		wantRun(t, c, start(t, c))
	})
	t.Run("it ends while the script waits", func(t *testing.T) {
		asked := make(chan bool)
		g := guardWith(t, func(_ *testGuard, sc *admission.Script) { asked <- true; <-sc.Lost() })
		c := g.shell(text)
		out := start(t, c)
		<-asked
		if err := g.Close(false); err != nil {
			t.Fatal(err)
		}
		wantRun(t, c, out)
	})
	t.Run("it talks nonsense", func(t *testing.T) {
		g := deaf(t, "nonsense\n")
		c := g.shell(text)
		wantRun(t, c, start(t, c))
	})
	t.Run("it says nothing", func(t *testing.T) {
		g := deaf(t, "")
		c := g.shell(text)
		wantRun(t, c, start(t, c))
	})
	t.Run("it ends while the script runs, which it has frozen", func(t *testing.T) {
		pids := make(chan int)
		g := guardWith(t, func(_ *testGuard, sc *admission.Script) {
			if pid, err := sc.Run(background, admission.Terms{}); err == nil {
				pids <- pid
				<-sc.Lost()
			}
		})
		c := g.shell("cat; cat; exit 3")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		start(t, c)
		pid := <-pids
		var below int
		eventually(t, "there is a program", func() bool { below = childOf(pid); return below != 0 })
		for _, p := range []int{pid, below} {
			if err := syscall.Kill(p, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "both are stopped", func() bool { return stateOf(pid) == "T" && stateOf(below) == "T" })
		if err := g.Close(false); err != nil {
			t.Fatal(err)
		}
		_ = in.Close()
		if got := end(t, c); got != "exit 3" {
			t.Error(got)
		}
	})
}

func childOf(pid int) int {
	for _, p := range processes() {
		if p.parent == pid {
			return p.pid
		}
	}
	return 0
}

// deaf is a guard that answers all with the same text, and then nothing.
func deaf(t *testing.T, text string) *testGuard {
	t.Helper()
	g := guardWith(t, admit)
	path := filepath.Join(g.Folder(), frame.SocketName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(text))
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return g
}

// TestSignalsWhileItWaits: they act as on a shell that has not started anything.
func TestSignalsWhileItWaits(t *testing.T) {
	asked := make(chan bool)
	g := guardWith(t, func(_ *testGuard, sc *admission.Script) { asked <- true; <-sc.Lost() })
	for _, s := range []syscall.Signal{1, 2, 3, 6, 9, 10, 12, 13, 14, 15, 24, 31, 40} {
		t.Run(s.String(), func(t *testing.T) {
			c := g.shell("echo it runs")
			c.Dir = t.TempDir() // for a core dump
			out := start(t, c)
			<-asked
			for _, harmless := range []syscall.Signal{syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGURG, syscall.SIGCHLD} {
				_ = c.Process.Signal(harmless)
			}
			_ = c.Process.Signal(s)
			if got := end(t, c); got != "signal "+s.String() || out.String() != "" {
				t.Errorf("%s %s", got, out)
			}
		})
	}
	t.Run("ignored ones", func(t *testing.T) {
		c := g.shell("echo it runs")
		around(`trap '' HUP INT QUIT; echo shell $$`)(c)
		c.Args[2] = strings.Replace(c.Args[2], `; sh "$@"; exit $?`, `; exec sh "$@"`, 1)
		start(t, c)
		<-asked
		for _, s := range []syscall.Signal{1, 2} {
			_ = c.Process.Signal(s)
		}
		_ = c.Process.Signal(syscall.SIGTERM)
		if got := end(t, c); got != "signal terminated" {
			t.Error(got)
		}
	})
	t.Run("its runner ends", func(t *testing.T) {
		c := g.runner(t, "echo it runs")
		out := start(t, c)
		shell := out.number("shell")
		<-asked
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the shim ends", func() bool { return ended(shell) })
		_ = c.Wait()
	})
}

func TestAgain(t *testing.T) {
	attempts := func(t *testing.T, n int) (*testGuard, chan int) {
		pids := make(chan int, n)
		return guardWith(t, func(g *testGuard, sc *admission.Script) {
			for i := range n {
				pid, err := sc.Run(background, admission.Terms{Set: map[string]string{"ATTEMPT": itoa(i), "PWD": "/set"}, Shell: "bash"})
				if err != nil {
					return
				}
				pids <- pid
				e, err := sc.Wait(background)
				if err != nil {
					return
				}
				g.mu.Lock()
				g.ends = append(g.ends, e)
				g.mu.Unlock()
				if i+1 < n {
					_ = sc.Again("because")
				} else {
					_ = sc.End()
				}
			}
		}), pids
	}
	t.Run("all is as it was", func(t *testing.T) {
		g, _ := attempts(t, 3)
		file := filepath.Join(t.TempDir(), "input")
		if err := os.WriteFile(file, []byte("skipped\none\ntwo\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(file)
		if err == nil {
			_, err = in.Seek(8, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		c := g.shell("read a; read b; echo $a $b $(cut -d' ' -f5-8 /proc/$$/stat); trap; exec grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status")
		around(":")(c)
		c.Stdin = in
		out := start(t, c)
		end(t, c)
		text := out.String()
		third := len(text) / 3
		if text[:third] != text[third:2*third] || text[:third] != text[2*third:] || !strings.HasPrefix(text, "one two ") {
			t.Errorf("the attempts differ:\n%s", text)
		}
		if got := g.ended(); len(got) != 3 || !got[0].Read {
			t.Errorf("%+v", got)
		}
	})
	t.Run("the last one's status counts", func(t *testing.T) {
		g, _ := attempts(t, 2)
		c := g.shell(`test "$ATTEMPT" = 1 && exit 5; echo ${BASH:-no} $PWD; kill -9 $$`)
		out := start(t, c)
		if got := end(t, c); got != "exit 5" || !strings.Contains(out.String(), "bash") {
			t.Error(got, out)
		}
	})
	t.Run("signals are as the first time", func(t *testing.T) {
		g, pids := attempts(t, 2)
		c := g.runner(t, `test "$ATTEMPT" = 0 && exit 1; exec env `+modeEnv+"=signals "+self(t))
		out := start(t, c)
		<-pids
		<-pids
		shell := out.number("shell")
		out.number("ready")
		eventually(t, "the shim leaves the group", func() bool {
			group, err := syscall.Getpgid(shell)
			return err == nil && group == shell
		})
		for _, s := range []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM} {
			if err := syscall.Kill(shell, s); err != nil {
				t.Fatal(err)
			}
			out.await("got " + s.String())
		}
		if end(t, c); !strings.Contains(out.String(), "status exit 7") {
			t.Error(out)
		}
	})
	t.Run("a group's kill ends it", func(t *testing.T) {
		g, pids := attempts(t, 2)
		c := g.runner(t, `echo script $$; exec cat`)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out := start(t, c)
		<-pids
		shell, script := out.number("shell"), out.number("script")
		if err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		eventually(t, "all end", func() bool { return ended(shell) && ended(script) })
	})
}

// TestSignalOfAFrozenScript: it is thawed, and the guard hears of it.
func TestSignalOfAFrozenScript(t *testing.T) {
	pids, signals := make(chan int), make(chan int, 1)
	g := guardWith(t, func(_ *testGuard, sc *admission.Script) {
		pid, err := sc.Run(background, admission.Terms{})
		if err != nil {
			return
		}
		pids <- pid
		signals <- <-sc.Signals()
		if _, err := sc.Wait(context.Background()); err == nil {
			_ = sc.End()
		}
	})
	c := g.shell("exec cat")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	start(t, c)
	pid := <-pids
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is frozen", func() bool { return stateOf(pid) == "T" })
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := end(t, c); got != "signal terminated" {
		t.Error(got)
	}
	if got := <-signals; got != 15 {
		t.Errorf("the guard heard of %d", got)
	}
}
