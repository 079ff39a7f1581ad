//go:build linux

package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/bench/cage"
)

// running is one heapmage inside the limit.
type running struct {
	root   string
	binary string
	c      *exec.Cmd
	ended  chan struct{} // closed when it has ended
	code   int           // then its exit code, or -1 after a signal

	out     *os.File // our end of its standard output
	mu      sync.Mutex
	stalled time.Time // until when nothing is read
}

// launch starts heapmage in the workspace at root. Its output goes to the file log.
func launch(limited *cage.Cage, binary, root, log string, args ...string) (*running, error) {
	command := limited.Command(append([]string{binary}, args...))
	r := &running{root: root, binary: binary, c: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	base := filepath.Dir(root)
	r.c.Dir, r.c.Env = root, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(base, home), "TMPDIR=" + filepath.Join(base, temp)}
	r.c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	to, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	var in *os.File
	if r.out, in, err = os.Pipe(); err != nil {
		return nil, errors.Join(err, to.Close())
	}
	// A file for Wait: what holds the pipe open does not hold it up.
	r.c.Stdout, r.c.Stderr = in, in
	err = r.c.Start()
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, errors.Join(err, r.out.Close(), to.Close())
	}
	drained := make(chan struct{})
	go func() { r.drain(to); close(drained) }()
	go func() {
		_ = r.c.Wait() // the exit code tells
		r.code = r.c.ProcessState.ExitCode()
		_ = r.out.SetReadDeadline(time.Now().Add(time.Second)) // for what is still in the pipe
		<-drained
		_ = to.Close()
		close(r.ended)
	}()
	return r, nil
}

// drain reads the output, but not while it is stalled.
func (r *running) drain(to io.Writer) {
	buffer := make([]byte, 64<<10)
	for {
		r.mu.Lock()
		pause := time.Until(r.stalled)
		r.mu.Unlock()
		if pause > 0 {
			time.Sleep(pause)
			continue
		}
		n, err := r.out.Read(buffer)
		_, _ = to.Write(buffer[:n]) // the log is for people
		if err != nil {
			_ = r.out.Close()
			return
		}
	}
}

func (r *running) stall(lasting time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalled = time.Now().Add(lasting)
}

func (r *running) alive() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

func (r *running) signal(sig syscall.Signal) bool {
	return r.alive() && r.c.Process.Signal(sig) == nil
}

// reaper returns the process id of the reaper: a child that is the same program, with
// other arguments than its parent.
func (r *running) reaper() (pid int, err error) {
	own := strconv.Itoa(r.c.Process.Pid)
	tasks, _ := filepath.Glob(filepath.Join("/proc", own, "task", "*", "children"))
	arguments, _ := os.ReadFile(filepath.Join("/proc", own, "cmdline"))
	for _, file := range tasks {
		children, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for child := range strings.FieldsSeq(string(children)) {
			exe, err := os.Readlink(filepath.Join("/proc", child, "exe"))
			other, _ := os.ReadFile(filepath.Join("/proc", child, "cmdline"))
			if err == nil && exe == r.binary && len(other) > 0 && !bytes.Equal(arguments, other) {
				return strconv.Atoi(child)
			}
		}
	}
	return 0, fmt.Errorf("heapmage %s has no reaper", own)
}
