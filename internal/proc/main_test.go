//go:build unix

package proc

import (
	"bufio"
	"fmt"
	"github.com/heapmage/heapmage/memtools"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// hang is how long a test waits before it says that something hangs.
const hang = 20 * time.Second

// modeEnv makes the test binary one of the programs below.
const modeEnv = "PROC_TEST_MODE"

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeEnv); mode != "" {
		programs()[mode]()
		os.Exit(0)
	}
	_ = os.Unsetenv(memtools.MarkerEnv) // of a heapmage that runs these tests
	code := m.Run()
	Shutdown()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines left:", err)
		code = 1
	}
	table, err := processTable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	for _, e := range table {
		if e.ppid == os.Getpid() {
			fmt.Fprintf(os.Stderr, "child left: %+v\n", e)
			code = 1
		}
	}
	os.Exit(code)
}

func programs() map[string]func() {
	return map[string]func(){
		"block": func() { fmt.Println("ready", os.Getpid()); block() },
		"stubborn": func() {
			signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			fmt.Println("ready", os.Getpid())
			block()
		},
		// A tree whose every member is stubborn.
		"stubborn-tree": func() {
			signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
			for range 2 {
				child := again("stubborn")
				child.Stdout = os.Stdout
				must(child.Start())
			}
			fmt.Println("ready", os.Getpid())
			block()
		},
		// A daemon as watchman makes it: forked twice, in a session of its own,
		// nothing held open.
		"daemonize": func() {
			middle := again("daemonize-middle")
			middle.Stdout = os.Stdout
			must(middle.Run())
		},
		"daemonize-middle": func() { fmt.Println("daemon", detach("stubborn", nil)) },
		"daemonize-and-block": func() {
			programs()["daemonize"]()
			fmt.Println("ready", os.Getpid())
			block()
		},
		// A job of a shell with job control.
		"job-and-end": func() {
			job := again("stubborn")
			job.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			job.Stdout = os.Stdout
			must(job.Start())
		},
		"job-and-block": func() {
			programs()["job-and-end"]()
			fmt.Println("ready", os.Getpid())
			block()
		},
		// One that keeps the output open.
		"daemonize-holding": func() { detach("stubborn", os.Stdout) },
		"last-words-and-daemon": func() {
			detach("stubborn-silent", os.Stdout)
			_, err := io.WriteString(os.Stdout, "x")
			must(err)
			for pending(os.Stdout) > 0 { // until the reader is busy with it
				time.Sleep(time.Millisecond)
			}
			_, err = io.WriteString(os.Stdout, strings.Repeat("x", lastWords-1))
			must(err)
		},
		"stubborn-silent": func() { signal.Ignore(syscall.SIGINT, syscall.SIGTERM); block() },
		// One that answers each SIGTERM with a new daemon.
		"hydra": func() {
			c := make(chan os.Signal, 8)
			signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
			fmt.Println("ready", os.Getpid())
			for range c {
				fmt.Println("daemon", detach("stubborn", nil))
			}
		},
		"flood": func() {
			line := []byte(strings.Repeat("flood", 200) + "\n")
			w := bufio.NewWriterSize(os.Stdout, 64<<10)
			for n := 0; n < flood; n += len(line) {
				_, err := w.Write(line[:min(len(line), flood-n)])
				must(err)
			}
			must(w.Flush())
		},
		"heapmage": heapmage,
		"launcher": func() {
			c := again(os.Getenv("PROC_TEST_THEN"))
			c.Stdout = os.Stdout
			must(c.Run())
		},
		"watch-parent": watchParent,
	}
}

const (
	flood     = 100_000_000
	lastWords = 60_000 // fits a pipe
)

// block waits for a signal that ends it. A test that fails halfway leaves
// nothing for ever.
func block() { time.Sleep(2 * time.Minute) }

func again(mode string) *exec.Cmd {
	self, err := os.Executable()
	must(err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), modeEnv+"="+mode)
	return c
}

// detach starts mode in a session of its own and waits until it runs.
func detach(mode string, stdout *os.File) int {
	c := again(mode)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if stdout != nil {
		c.Stdout = stdout
		must(c.Start())
		return c.Process.Pid
	}
	r, w, err := os.Pipe()
	must(err)
	c.Stdout = w
	must(c.Start())
	must(w.Close())
	_, err = bufio.NewReader(r).ReadString('\n')
	must(err)
	return c.Process.Pid
}

func must(err error) {
	if err != nil {
		fmt.Println("test program failed:", err)
		os.Exit(99)
	}
}

// program is a Command that runs mode.
func program(t *testing.T, mode string, out io.Writer) Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Command{
		Args: []string{self}, Env: append(os.Environ(), modeEnv+"="+mode), Output: out,
		ID:     NewRunID() + "/" + strings.ReplaceAll(t.Name(), " ", "_"),
		Ladder: Ladder{Interrupt: 200 * time.Millisecond, Terminate: 200 * time.Millisecond, Kill: 5 * time.Second},
	}
}

// shell is a Command that runs script.
func shell(script string, out io.Writer) Command {
	return Command{Args: []string{"sh", "-c", script}, Output: out}
}

func start(t *testing.T, c Command) *Process {
	t.Helper()
	p, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); p.Wait() })
	return p
}

func end(t *testing.T, p *Process) Result {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(hang):
		t.Fatalf("still running after %v: %v", hang, p.tree.members(everything))
	}
	return p.Wait()
}

// transcript keeps output and lets a test wait for a line of it.
type transcript struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // a token for each change
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{}, 1)} }

func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	s.text.Write(b)
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// pids waits until n whole lines begin with word and returns their numbers.
func (s *transcript) pids(t *testing.T, word string, n int) []int {
	t.Helper()
	late := time.After(hang)
	for {
		var pids []int
		text := s.String()
		for line := range strings.Lines(text) {
			f := strings.Fields(line)
			if len(f) == 2 && f[0] == word && strings.HasSuffix(line, "\n") {
				pid, err := strconv.Atoi(f[1])
				if err != nil {
					t.Fatal(err)
				}
				pids = append(pids, pid)
			}
		}
		if len(pids) >= n {
			return pids
		}
		select {
		case <-s.changed:
		case <-late:
			t.Fatalf("waited for %d lines %q in:\n%s", n, word, text)
		}
	}
}

func alive(pid int) bool {
	e, ok := lookUp(pid)
	return ok && !e.zombie
}

// endDaemon ends a process that a test left alone on purpose.
func endDaemon(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(hang); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("not within %v: %s", hang, what)
		}
	}
}

// leftOf returns the processes that carry a mark which contains part.
func leftOf(t *testing.T, part string) (pids []int) {
	t.Helper()
	table, err := processTable()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table {
		env, _ := environ(e.pid)
		for v := range strings.SplitSeq(string(env), "\x00") {
			if strings.HasPrefix(v, "HEAPMAGE_TASK=") && strings.Contains(v, part) && !e.zombie {
				pids = append(pids, e.pid)
			}
		}
	}
	return pids
}
