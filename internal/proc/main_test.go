//go:build unix

package proc

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// hang is how long a test waits before it reports a hang.
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
	all, err := processes(nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	for _, e := range all {
		if e.PPID == os.Getpid() {
			fmt.Fprintf(os.Stderr, "child left: %+v\n", e)
			code = 1
		}
	}
	os.Exit(code)
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
		t.Fatalf("still running after %v: %v", hang, p.tree.members(proctable.Everything))
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

func lookUp(pid int) (proctable.Process, bool) {
	p, err := proctable.Lookup(pid)
	return p, err == nil
}

func alive(pid int) bool {
	p, ok := lookUp(pid)
	return ok && !p.Zombie
}

// processes returns all processes for which is returns true. Nil means all.
func processes(is func(p proctable.Process, environ string) bool) (found []proctable.Process, err error) {
	table, err := proctable.Open()
	if err != nil {
		return nil, err
	}
	defer table.Close()
	all, err := table.All()
	for _, p := range all {
		if is == nil {
			found = append(found, p)
		} else if environ, _ := table.Environ(p.PID); is(p, string(environ)) {
			found = append(found, p)
		}
	}
	return found, err
}

// endDaemon ends a process that a test left running on purpose.
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
	left, err := processes(func(p proctable.Process, environ string) bool {
		return !p.Zombie && strings.Contains(proctable.Marks([]byte(environ), memtools.MarkerEnv), part)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range left {
		pids = append(pids, p.PID)
	}
	return pids
}
