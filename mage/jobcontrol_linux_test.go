package mage_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/testkit"
)

// terminal is a shell with job control on its own terminal.
type terminal struct {
	t     *testing.T
	keys  *os.File
	shell *exec.Cmd

	mu  sync.Mutex
	out bytes.Buffer
}

// openTerminal starts a shell in a terminal of its own: bash if none is given.
func openTerminal(t *testing.T, dir string, shell ...string) *terminal {
	t.Helper()
	keys, screen := testkit.Terminal(t)
	defer screen.Close()
	if len(shell) == 0 {
		shell = []string{"bash", "--norc", "--noprofile", "-i"}
	}
	c := exec.Command(shell[0], shell[1:]...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, screen, screen, screen
	c.Env = append(os.Environ(), "PS1=> ", "TERM=dumb")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	s := &terminal{t: t, keys: keys, shell: c}
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := keys.Read(buf)
			s.mu.Lock()
			s.out.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = keys.Close() // hangs up: the shell and its jobs end
		_ = c.Process.Kill()
		_ = c.Wait()
		reading.Wait()
	})
	return s
}

func (s *terminal) press(keys string) {
	s.t.Helper()
	if _, err := s.keys.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

func (s *terminal) waitFor(text string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Log(s.text())
		}
	}()
	waitFor(s.t, fmt.Sprintf("%q", text), func() bool { return strings.Contains(s.text(), text) })
}

// ticks is how many signs of life the script of ticking leaves.
const ticks = 120

// ticking is a workspace whose script leaves a sign of life every few milliseconds;
// lines counts them.
func ticking(t *testing.T) (root string, lines func() int) {
	t.Helper()
	root = workspaceOf(t, "sh ./tick.sh", map[string]string{"tick.sh": fmt.Sprintf("i=0; while [ $i -lt %d ]; do echo x >>ticks; sleep 0.03; i=$((i+1)); done\n", ticks)})
	return root, func() int {
		text, _ := os.ReadFile(filepath.Join(root, "ticks"))
		return bytes.Count(text, []byte("\n"))
	}
}

// stopped waits until every process in a folder but the shell is stopped. A script whose
// child was stopped between its fork and its exec waits for that in state D.
func (s *terminal) stopped(root string) {
	s.t.Helper()
	s.waitFor("Stopped")
	waitFor(s.t, "all processes to be stopped", func() bool {
		for _, cwd := range processesIn(root) {
			stat, _ := os.ReadFile(filepath.Join(filepath.Dir(cwd), "stat"))
			pid, rest, _ := strings.Cut(string(stat), " (")
			if _, state, _ := strings.Cut(rest, ") "); pid != strconv.Itoa(s.shell.Process.Pid) && !strings.ContainsAny(state[:min(1, len(state))], "TD") {
				return false
			}
		}
		return true
	})
}

func TestCtrlZ(t *testing.T) {
	testkit.NeedsNode(t)
	start := func(t *testing.T, command ...string) (*terminal, string, func() int) {
		t.Parallel()
		root, lines := ticking(t)
		s := openTerminal(t, root)
		s.press(strings.Join(append(command, binary), " ") + " build\r")
		waitFor(t, "the script to run", func() bool { return lines() > 2 })
		return s, root, lines
	}
	const ctrlZ, ctrlC = "\x1a", "\x03"
	stopTwice := func(t *testing.T, command ...string) {
		s, root, lines := start(t, command...)
		for range 2 {
			s.press(ctrlZ)
			s.stopped(root)
			n := lines()
			if n >= ticks {
				t.Fatal("the script ran on to its end")
			}
			s.press("fg\r")
			waitFor(t, "the script to go on", func() bool { return lines() > n })
		}
		s.waitFor("Build completed successfully")
		if n := lines(); n != ticks {
			t.Errorf("%d ticks", n)
		}
	}
	t.Run("stops the scripts as well, until the job goes on", func(t *testing.T) { stopTwice(t) })
	t.Run("stops go, which catches it", func(t *testing.T) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		var launchers []string
		for _, name := range []string{"go", "mage"} {
			launcher := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(launcher, text, 0o755); err != nil {
				t.Fatal(err)
			}
			launchers = append(launchers, launcher)
		}
		stopTwice(t, launchers...)
	})
	t.Run("goes on in the background", func(t *testing.T) {
		s, root, _ := start(t)
		s.press(ctrlZ)
		s.stopped(root)
		s.press("bg\r")
		s.waitFor("Build completed successfully")
	})
	t.Run("can be ended afterwards by two interrupts", func(t *testing.T) {
		s, root, lines := start(t)
		s.press(ctrlZ)
		s.stopped(root)
		n := lines()
		s.press("fg\r")
		waitFor(t, "the script to go on", func() bool { return lines() > n })
		s.press(ctrlC)
		s.press(ctrlC)
		waitFor(t, "every process but the shell to end", func() bool { return len(processesIn(root)) == 1 })
	})
	for _, how := range []string{"kill -9 %1", "kill %1", "hang up"} {
		t.Run("leaves nothing at "+how+" while it is stopped", func(t *testing.T) {
			s, root, _ := start(t)
			s.press(ctrlZ)
			s.stopped(root)
			shell := 1
			if how == "hang up" {
				_ = s.keys.Close()
				shell = 0
			} else {
				s.press(how + "\r")
			}
			waitFor(t, "every process to end", func() bool { return len(processesIn(root)) == shell })
		})
	}
}

// TestStoppedFromOutside: a signal that cannot be caught stops heapmage alone. The time
// for which it is stopped does not count for its tasks.
func TestStoppedFromOutside(t *testing.T) {
	testkit.NeedsNode(t)
	root := workspaceOf(t, "touch started; sleep 0.3", map[string]string{"heapmage.yaml": "tasks: {build: {timeout: 1s}}\n"})
	c := exec.Command(binary, "build")
	c.Dir = root
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the script to run", func() bool { _, err := os.Stat(filepath.Join(root, "started")); return err == nil })
	if err := c.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // longer than the timeout
	if err := c.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestNohup: heapmage that was started with SIGHUP ignored goes on when the terminal is
// closed.
func TestNohup(t *testing.T) {
	testkit.NeedsNode(t)
	root, lines := ticking(t)
	s := openTerminal(t, root)
	s.press("nohup " + binary + " build >log 2>&1 &\r")
	waitFor(t, "the script to run", func() bool { return lines() > 2 })
	_ = s.keys.Close()
	_ = s.shell.Process.Signal(syscall.SIGHUP)
	log := func() string { text, _ := os.ReadFile(filepath.Join(root, "log")); return string(text) }
	waitFor(t, "the run to end", func() bool { return len(processesIn(root)) == 0 })
	if n := lines(); n != ticks || !strings.Contains(log(), "Build completed successfully") {
		t.Errorf("%d ticks\n%s", n, log())
	}
}

// TestKilledByName kills everything that has heapmage in its name or arguments.
func TestKilledByName(t *testing.T) {
	testkit.NeedsNode(t)
	root := workspaceOf(t, "sh ./stay.sh", map[string]string{"stay.sh": "trap '' INT TERM; setsid sleep 4242 & touch started; while :; do sleep 1; done\n"})
	folder := t.TempDir()
	c := exec.Command(binary, "build")
	c.Dir, c.Env = root, append(os.Environ(), "TMPDIR="+folder)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the script to run", func() bool { _, err := os.Stat(filepath.Join(root, "started")); return err == nil })
	for _, pid := range append([]int{c.Process.Pid}, childrenNamed(c.Process.Pid, "heapmage")...) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = c.Wait()
	waitFor(t, "every process to end", func() bool { return len(processesIn(root)) == 0 })
	waitFor(t, "the temporary folder to be removed", func() bool {
		left, _ := os.ReadDir(folder)
		return len(left) == 0
	})
}

// childrenNamed lists the children of a process that have a word in their name or arguments.
func childrenNamed(pid int, word string) (found []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // one for each thread
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		for child := range strings.FieldsSeq(string(children)) {
			comm, _ := os.ReadFile("/proc/" + child + "/comm")
			args, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if pid, err := strconv.Atoi(child); err == nil && bytes.Contains(append(comm, args...), []byte(word)) {
				found = append(found, pid)
			}
		}
	}
	return found
}

// TestKilledWithItsReaper: what a run leaves that was killed together with its reaper is
// ended by the next one.
func TestKilledWithItsReaper(t *testing.T) {
	testkit.NeedsNode(t)
	root := workspaceOf(t, "sh ./stay.sh", map[string]string{"stay.sh": "[ -e started ] && exit 0; touch started; while :; do sleep 1; done\n"})
	c := exec.Command(binary, "build")
	c.Dir = root
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the script to run", func() bool { _, err := os.Stat(filepath.Join(root, "started")); return err == nil })
	_ = c.Process.Signal(syscall.SIGSTOP) // it cannot replace the reaper then
	for _, pid := range childrenNamed(c.Process.Pid, "reaper") {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	if len(processesIn(root)) == 0 {
		t.Fatal("nothing is left that could be ended")
	}
	again := exec.Command(binary, "build")
	again.Dir = root
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if left := processesIn(root); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
