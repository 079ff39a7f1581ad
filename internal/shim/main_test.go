//go:build linux

package shim

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/admission"
	"github.com/heapmage/heapmage/internal/admission/frame"
	"github.com/heapmage/heapmage/internal/environ"
)

// hang is how long a test waits before it reports a hang.
const hang = 30 * time.Second

// modeEnv makes the test binary one of the programs below. As sh it is a shim.
const modeEnv = "SHIM_TEST_MODE"

func TestMain(m *testing.M) {
	if signal.Ignored(syscall.SIGHUP) { // by nohup: children are to begin as if it were not there
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	switch os.Getenv(modeEnv) {
	case "runner":
		runner()
	case "signals":
		tellSignals()
	case "guard":
		guardProcess()
	default:
		os.Exit(m.Run())
	}
}

// runner starts "sh -c" as a package manager does, tells its PID, and how it ended. It stays
// whatever signal comes.
func runner() {
	c := make(chan os.Signal, 100)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	sh := exec.Command("sh", "-c", os.Args[1])
	sh.Stdin, sh.Stdout, sh.Stderr = os.Stdin, os.Stdout, os.Stderr
	sh.Env = environ.Without(os.Environ(), modeEnv)
	if err := sh.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("shell", sh.Process.Pid)
	_ = sh.Wait()
	fmt.Println("status", tell(sh.ProcessState.Sys().(syscall.WaitStatus)))
	os.Exit(0)
}

// guardProcess is a guard that can be killed. It admits each script after a while, and the
// failed ones of every other a second time.
func guardProcess() {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	s, err := admission.Listen(path)
	if err != nil {
		panic(err)
	}
	fmt.Println("folder", s.Folder())
	for n := 0; ; n++ {
		sc, err := s.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			time.Sleep(time.Duration(n%4) * 10 * time.Millisecond)
			for again := n%2 == 0; ; again = false {
				if _, err := sc.Run(background, admission.Terms{}); err != nil {
					return
				}
				e, err := sc.Wait(background)
				if err != nil {
					return
				}
				if !again || e.Code == 0 && e.Signal == 0 {
					_ = sc.End()
					return
				}
				_ = sc.Again("it failed")
			}
		}()
	}
}

// tell tells a wait status, but whether there was a core dump.
func tell(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "signal " + s.Signal().String()
	}
	return fmt.Sprint("exit ", s.ExitStatus())
}

// tellSignals prints each signal that it gets. SIGTERM that comes after SIGUSR1 ends it.
func tellSignals() {
	c := make(chan os.Signal, 100)
	signal.Notify(c)
	fmt.Println("ready", os.Getpid())
	last := false
	for s := range c {
		if s == syscall.SIGURG || s == syscall.SIGCHLD { // of Go's runtime
			continue
		}
		fmt.Println("got", s)
		if s == syscall.SIGTERM && last {
			os.Exit(7)
		}
		last = s == syscall.SIGUSR1
	}
}

func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// testGuard is a guard that lets every script start, in the way that each function tells.
type testGuard struct {
	*admission.Server
	env  []string // for a runner
	mu   sync.Mutex
	asks []admission.Ask
	ends []admission.Ended
}

// asked returns what shims have asked so far.
func (g *testGuard) asked() []admission.Ask {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.asks)
}

// ended returns how attempts have ended so far.
func (g *testGuard) ended() []admission.Ended {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.ends)
}

// guardWith serves scripts with handle, each in a goroutine.
func guardWith(t testing.TB, handle func(*testGuard, *admission.Script)) *testGuard {
	t.Helper()
	s, err := admission.Listen(self(t))
	if err != nil {
		t.Fatal(err)
	}
	g := &testGuard{Server: s}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			sc, err := s.Accept()
			if err != nil {
				return
			}
			g.mu.Lock()
			g.asks = append(g.asks, sc.Ask())
			g.mu.Unlock()
			serving.Go(func() { handle(g, sc) })
		}
	})
	t.Cleanup(func() {
		if err := s.Close(false); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	if g.env, err = s.Environ(plainEnv()); err != nil {
		t.Fatal(err)
	}
	return g
}

// admit lets a script start at once.
func admit(g *testGuard, sc *admission.Script) {
	if _, err := sc.Run(background, admission.Terms{}); err != nil {
		return
	}
	if e, err := sc.Wait(background); err == nil {
		g.mu.Lock()
		g.ends = append(g.ends, e)
		g.mu.Unlock()
		_ = sc.End()
	}
}

// plainEnv is the environment of a package script.
func plainEnv() []string {
	return append(os.Environ(), environ.NPMLifecycleEvent+"=build", environ.NPMLifecycleScript+"=the text", environ.NPMPackageName+"=core")
}

// shell is "sh -c text" under the guard, or the system's if there is none.
func (g *testGuard) shell(text string) *exec.Cmd {
	c := exec.Command("/bin/sh", "-c", text)
	c.Args[0], c.Env = "sh", plainEnv()
	if g != nil {
		c.Path, c.Env = filepath.Join(g.Folder(), frame.ShellName), g.env
	}
	return c
}

// runner is a runner of text under the guard, or without one. It leads a process group.
func (g *testGuard) runner(t testing.TB, text string) *exec.Cmd {
	c := exec.Command(self(t), text)
	c.Env = plainEnv()
	if g != nil {
		c.Env = g.env
	}
	c.Env = append(c.Env, modeEnv+"=runner")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// output is a command's output, of which a test can wait for words.
type output struct {
	t      testing.TB
	mu     sync.Mutex
	text   strings.Builder
	change chan struct{}
}

func newOutput(t testing.TB) *output { return &output{t: t, change: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	o.text.Write(b)
	o.mu.Unlock()
	select {
	case o.change <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until the output contains what.
func (o *output) await(what string) {
	o.t.Helper()
	limit := time.After(hang)
	for !strings.Contains(o.String(), what) {
		select {
		case <-o.change:
		case <-limit:
			o.t.Fatalf("no %q in the output:\n%s", what, o)
		}
	}
}

// number waits for a line that begins with word, and returns the number that follows.
func (o *output) number(word string) (n int) {
	o.t.Helper()
	o.await(word + " ")
	_, rest, _ := strings.Cut(o.String(), word+" ")
	for !strings.Contains(rest, "\n") {
		time.Sleep(time.Millisecond)
		_, rest, _ = strings.Cut(o.String(), word+" ")
	}
	if _, err := fmt.Sscan(rest, &n); err != nil {
		o.t.Fatal(err)
	}
	return n
}

func start(t testing.TB, c *exec.Cmd) *output {
	t.Helper()
	o := newOutput(t)
	c.Stdout, c.Stderr = o, o
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return o
}

// end waits until c has ended and returns how.
func end(t testing.TB, c *exec.Cmd) string {
	t.Helper()
	done := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(done)
	}()
	select {
	case <-done:
		return tell(c.ProcessState.Sys().(syscall.WaitStatus))
	case <-time.After(hang):
		t.Fatalf("still running")
		return ""
	}
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(hang); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("never: " + what)
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
