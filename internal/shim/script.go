//go:build linux || darwin

package shim

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

// script is what the shim was started for.
type script struct {
	invocation
	parent  int // PID of the runner
	group   int // process group, the runner's
	stdin   input
	guard   *guard
	signals signals

	mu      sync.Mutex // guards all below
	state   state
	pid     int            // of the real shell, while it runs
	stop    syscall.Signal // what has stopped it; 0 if nothing has
	orphan  bool           // the group was an orphaned one at the start
	outside bool           // the shim has left the session
	status  syscall.WaitStatus
}

type state int

const (
	waits state = iota
	runs
	hasEnded
)

// become lets the real shell take the place of this process.
func (s *script) become(f frame.Frame) {
	c := s.command(f)
	s.mu.Lock() // for ever: the shell will act on signals
	s.signals.release()
	err := syscall.Exec(c.path, c.args, c.env)
	fmt.Fprintf(os.Stderr, "%s: %v\n", c.path, err)
	os.Exit(126) // as shells do
}

// start starts the script, in the process group and session that the runner chose.
func (s *script) start(f frame.Frame) {
	c := s.command(f)
	s.mu.Lock()
	s.signals.release()
	pid, err := syscall.ForkExec(c.path, c.args, &syscall.ProcAttr{Env: c.env, Files: []uintptr{0, 1, 2}, Sys: attributes()})
	if err != nil {
		s.mu.Unlock()
		s.become(frame.Frame{}) // what the guard wants cannot be, such as a longer environment
	}
	// A signal to the group that comes before the shim has left it comes twice. Nothing of
	// the script can have a handler yet, so that makes no difference.
	s.pid, s.state, s.stop, s.orphan = pid, runs, 0, s.isOrphaned()
	s.signals.take(!s.leads())
	if !s.leads() && !s.outside {
		_ = unix.Setpgid(0, 0)
	}
	s.mu.Unlock()
	s.guard.send(frame.Frame{Type: frame.Started, PID: pid})
}

// leads reports whether this process leads its group, which it then cannot leave: as the
// leader of a session the system does not allow it, and otherwise the job control of a shell
// counts on its being there.
func (s *script) leads() bool { return s.group == os.Getpid() }

// rejoin makes the shim a member of the runner's group again, while it waits.
func (s *script) rejoin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = waits
	s.signals.release()
	s.signals.take(false)
	if !s.leads() && !s.outside {
		_ = unix.Setpgid(0, s.group) // fails if no member is left
	}
}

// change is a change of the script's state, as wait4(2) tells it.
type change struct {
	status syscall.WaitStatus
	usage  syscall.Rusage
	err    error
}

// await waits until the script has ended. As a shell it does not wait for what the script has
// left running.
func (s *script) await() frame.Frame {
	changes := make(chan change)
	go func(pid int) {
		for {
			var c change
			_, c.err = syscall.Wait4(pid, &c.status, syscall.WUNTRACED|syscall.WCONTINUED, &c.usage)
			if errors.Is(c.err, syscall.EINTR) {
				continue
			}
			changes <- c
			if c.err != nil || c.status.Exited() || c.status.Signaled() {
				return
			}
		}
	}(s.pid)
	frames, orphans := s.guard.frames, (<-chan time.Time)(nil)
	for {
		select {
		case _, ok := <-frames:
			if !ok { // what it has frozen nobody else would thaw
				frames = nil
				s.mu.Lock()
				if !slices.Contains(jobControl, s.stop) {
					thaw(s.pid)
				}
				s.mu.Unlock()
			}
		case <-orphans:
			orphans = s.stopped()
		case c := <-changes:
			switch {
			case c.err != nil:
				os.Exit(1) // cannot be: it is our child
			case c.status.Stopped():
				s.noteStop(c.status.StopSignal())
				orphans = s.stopped()
			case c.status.Continued():
				s.noteStop(0)
				orphans = nil
			default:
				return s.ended(c)
			}
		}
	}
}

func (s *script) noteStop(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = sig
}

// stopped is called when the terminal has stopped the script, and each second while it has.
// The processes of an orphaned group are not stopped, and those of one that becomes orphaned
// are sent SIGHUP and SIGCONT. The runner's group would be one if the shim were in it, or in
// another session. Then the shim leaves the session, and does what the system would have done.
// A further attempt would be in the wrong session, but there will be none: a terminal was
// involved.
func (s *script) stopped() (again <-chan time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leads() || s.outside || !slices.Contains(jobControl, s.stop) {
		return nil
	}
	if !s.isOrphaned() {
		return time.After(time.Second)
	}
	// The leader of a group cannot leave its session.
	if unix.Setpgid(0, s.group) == nil {
		_, err := unix.Setsid()
		s.outside = err == nil
	}
	if !s.orphan {
		_ = syscall.Kill(-s.group, syscall.SIGHUP)
	}
	_ = syscall.Kill(-s.group, syscall.SIGCONT)
	return nil
}

// isOrphaned reports whether the runner's group would be an orphaned one without the shim.
func (s *script) isOrphaned() bool {
	session, err := unix.Getsid(0)
	return err == nil && isOrphaned(s.group, session)
}

func (s *script) ended(c change) frame.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.pid, s.status = hasEnded, 0, c.status
	f := frame.Frame{
		Type: frame.Ended,
		User: time.Duration(c.usage.Utime.Nano()), System: time.Duration(c.usage.Stime.Nano()),
		Read: s.stdin.wasRead() || s.outside,
	}
	if highest := c.usage.Maxrss * rssUnit; highest > carriedOver() {
		f.MaxRSS = highest
	}
	if c.status.Signaled() {
		f.Signal = int(c.status.Signal())
	} else {
		f.Code = c.status.ExitStatus()
	}
	return f
}
