//go:build unix

package proc

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// tree is the processes of one command. The command leads a session, not only a
// process group. So a program that asks on the terminal (git, ssh) fails at once
// instead of being stopped for ever in the background, and membership outlives
// parents and environments.
type tree struct{ proctable.Root }

func startTree(cmd *exec.Cmd, id string, cgroup *os.File) (*tree, error) {
	elsewhere := *cmd
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	startIn(cmd.SysProcAttr, cgroup)
	err := cmd.Start()
	if err != nil && inCgroup(cmd.SysProcAttr) { // kernels before 5.7 and some sandboxes
		*cmd = elsewhere
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	t := &tree{proctable.Root{Leader: proctable.Identity{PID: cmd.Process.Pid}, Mark: id}}
	if p, err := proctable.Lookup(t.Leader.PID); err == nil { // nothing waits for it yet, so the PID is still its own
		t.Leader.Start = p.Start
	}
	return t, nil
}

func (t *tree) release() {}

// groupEmpty reports whether the command has ended, was waited for and left nothing
// in its process group. It is one system call.
func (t *tree) groupEmpty() bool { return errors.Is(unix.Kill(-t.Leader.PID, 0), unix.ESRCH) }

// find returns the living processes of s, and those that cannot be told yet.
func (t *tree) find(s proctable.Scope) (found, unsure []proctable.Process, err error) {
	table, err := proctable.Open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = table.Close() }()
	all, err := table.All()
	if err != nil {
		return nil, nil, err
	}
	marks := func(pid int) (string, bool) {
		environ, settled := table.Environ(pid)
		return proctable.Marks(environ, memtools.MarkerEnv), settled
	}
	found, unsure = proctable.Members(t.Root, s, all, marks, os.Getpid())
	return found, unsure, nil
}

func (t *tree) members(s proctable.Scope) []int {
	var pids []int
	found, _, _ := t.find(s) // without a table there is nothing to name
	for _, p := range found {
		pids = append(pids, p.PID)
	}
	return pids
}

// gone reports whether nothing of s is left. One look at a changing table may miss a
// process that was forked meanwhile by one that then ended; two looks do not.
func (t *tree) gone(s proctable.Scope) bool {
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
	found, _, err := t.find(proctable.InSession)
	t.signalGroup(found, err, unix.SIGINT)
}

func (t *tree) terminate(s proctable.Scope) { _, _, _ = t.signal(s, unix.SIGTERM) } // SIGKILL follows

// kill kills the processes of s and returns how many there were or may have been.
func (t *tree) kill(s proctable.Scope) int {
	found, unsure, _ := t.signal(s, unix.SIGKILL)
	return len(found) + len(unsure)
}

// signal signals the processes of s. It returns them, those that cannot be told yet,
// and the last error.
func (t *tree) signal(s proctable.Scope, sig unix.Signal) (found, unsure []proctable.Process, failed error) {
	found, unsure, err := t.find(s)
	t.signalGroup(found, err, sig)
	for _, p := range found {
		if p.Group == t.Leader.PID {
			continue
		}
		if err := proctable.Signal(p.Identity, sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			failed = err
		}
	}
	return found, unsure, failed
}

// signalGroup signals the command's process group in one call, so that no fork
// escapes. It needs a member in it: the number of an empty group may be given away.
// Without a table the group is all that can be reached.
func (t *tree) signalGroup(found []proctable.Process, err error, sig unix.Signal) {
	if err != nil || slices.ContainsFunc(found, func(p proctable.Process) bool { return p.Group == t.Leader.PID }) {
		_ = unix.Kill(-t.Leader.PID, sig)
	}
}

// suspend stops the tree. It looks again until it finds no new process, as one may
// have forked before it stopped.
func (t *tree) suspend() error {
	for known := -1; ; {
		found, unsure, err := t.signal(proctable.Attached, unix.SIGSTOP)
		n := len(found) + len(unsure)
		if err != nil || n == known {
			return err
		}
		known = n
	}
}

// resume lets run what suspend stopped, including processes that lost their parent
// since and are found only by their mark. To marked daemons, which were not stopped,
// SIGCONT means nothing.
func (t *tree) resume() error {
	_, _, err := t.signal(proctable.Everything, unix.SIGCONT)
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
	if highest := memtools.Bytes(u.Maxrss) * maxRSSUnit; highest > carriedOver() {
		return highest
	}
	return 0
}

// pending returns how many bytes are in the pipe.
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
