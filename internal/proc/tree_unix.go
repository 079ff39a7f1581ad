//go:build unix

package proc

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/memtools"
)

// tree is the processes of one command. The command leads a session of its own,
// not only a process group: then a program that asks on the terminal (git, ssh)
// fails at once and is not stopped for ever in the background, and membership
// outlives parents and environments.
type tree struct{ root }

func startTree(cmd *exec.Cmd, id string) (*tree, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &tree{root{leader: cmd.Process.Pid, id: id}}
	if e, ok := lookUp(t.leader); ok { // nobody waits for it yet, so the id is still its own
		t.start = e.start
	}
	return t, nil
}

func (t *tree) release() {}

// groupEmpty reports whether the command has ended, been waited for and left
// nothing in its process group. It is one system call.
func (t *tree) groupEmpty() bool { return errors.Is(unix.Kill(-t.leader, 0), unix.ESRCH) }

// find returns the living processes of s, and those that may be some.
func (t *tree) find(s scope) (found, unsure []entry, err error) {
	table, err := processTable()
	if err != nil {
		return nil, nil, err
	}
	found, unsure = membersOf(t.root, s, table, environ, os.Getpid())
	return found, unsure, nil
}

func (t *tree) members(s scope) []int {
	var pids []int
	found, _, _ := t.find(s) // who cannot be seen cannot be named
	for _, e := range found {
		pids = append(pids, e.pid)
	}
	return pids
}

// gone reports whether nothing of s is left. One look at a changing table may
// miss a process that was forked behind its back by one that then ended; two
// looks do not.
func (t *tree) gone(s scope) bool {
	for range 2 {
		found, unsure, err := t.find(s)
		if err != nil {
			return t.groupEmpty()
		}
		if len(found)+len(unsure) > 0 {
			return false
		}
	}
	return true
}

// interrupt does what the terminal would.
func (t *tree) interrupt() {
	found, _, err := t.find(inSession)
	t.signalGroup(found, err, unix.SIGINT)
}

func (t *tree) terminate(s scope) { _, _, _ = t.signal(s, unix.SIGTERM) } // SIGKILL follows

// kill kills the processes of s and returns how many there were or may have been.
func (t *tree) kill(s scope) int {
	found, unsure, _ := t.signal(s, unix.SIGKILL)
	return len(found) + len(unsure)
}

// signal signals the processes of s, and returns them, those that may be some,
// and what failed.
func (t *tree) signal(s scope, sig unix.Signal) (found, unsure []entry, failed error) {
	found, unsure, err := t.find(s)
	t.signalGroup(found, err, sig)
	for _, e := range found {
		if e.group == t.leader {
			continue
		}
		if err := signalOne(e, sig); err != nil && !errors.Is(err, unix.ESRCH) {
			failed = err
		}
	}
	return found, unsure, failed
}

// signalGroup signals the command's process group in one call, so that no fork
// escapes. It does so only where a member was found: an empty group's number
// may be given away. Where the table cannot be read the group is all there is.
func (t *tree) signalGroup(found []entry, err error, sig unix.Signal) {
	if err != nil || slices.ContainsFunc(found, func(e entry) bool { return e.group == t.leader }) {
		_ = unix.Kill(-t.leader, sig)
	}
}

// suspend stops the tree. It looks again until it finds no new process, for one
// may have forked before it stopped.
func (t *tree) suspend() error {
	for known := -1; ; {
		found, unsure, err := t.signal(attached, unix.SIGSTOP)
		n := len(found) + len(unsure)
		if err != nil || n == known {
			return err
		}
		known = n
	}
}

// resume lets run what suspend stopped, and what lost its parent since and is
// found by its mark alone. To others that carry it, daemons that were not
// stopped, SIGCONT is nothing.
func (t *tree) resume() error {
	_, _, err := t.signal(everything, unix.SIGCONT)
	return err
}

func exitOf(s *os.ProcessState) (code int, signal string) {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return -1, unix.SignalName(w.Signal())
	}
	return s.ExitCode(), ""
}

func maxRSS(s *os.ProcessState, _ *tree) memtools.Bytes {
	u, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return memtools.Bytes(u.Maxrss) * maxRSSUnit
}

// pending is how much data is in the pipe.
func pending(f *os.File) int {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	_ = conn.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), bytesReadable) })
	return max(n, 0)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && unix.Access(path, unix.X_OK) == nil
}

func candidates(path string, _ []string) []string { return []string{path} }

func sameVariable(a, b string) bool { return a == b }
