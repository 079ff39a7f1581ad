//go:build linux || darwin

package shim

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// jobControl are the signals that stop processes, and could be caught.
var jobControl = []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU}

// fromTerminal are signals that a key sends to the group in the foreground.
var fromTerminal = []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}

// ending are signals that are sent to end programs.
var ending = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// faults are the signals of faults in this process. They end it as they would end a shell:
// nobody expects a Go program's stack traces in the output of a script. So do realtime signals.
var faults = []syscall.Signal{syscall.SIGILL, syscall.SIGTRAP, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSYS}

// own are the other signals that are no message to the script: of its end, of Go's runtime, and
// those that cannot be caught.
var own = append([]syscall.Signal{syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPROF, syscall.SIGKILL, syscall.SIGSTOP}, faults...)

// harmless are signals that do nothing to a process that does not catch them.
var harmless = []syscall.Signal{syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGIO}

// signals are those that this process gets.
type signals struct {
	c       chan os.Signal
	ignored []syscall.Signal // when the process started: the script is to ignore them, too
}

// init finds out which signals are ignored, before any is caught. Go's runtime has replaced
// the action of most already, but it tells whether SIGINT and SIGHUP were ignored, which is
// what nohup and shells do. If one of them is, and the parent ignores it as well, then the
// parent is no program that resets signals for its children, as Node does, and what else it
// ignores was ignored here. But SIGPIPE: some programs ignore it, and reset only that.
func (s *signals) init() {
	s.c = make(chan os.Signal, 64)
	for sig := syscall.Signal(1); sig <= realTime; sig++ {
		if sig > lastSignal || slices.Contains(faults, sig) {
			setDefault(sig)
		}
	}
	parents, inherits := ignoredBy(os.Getppid()), false
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if signal.Ignored(sig) {
			s.ignored = append(s.ignored, sig)
			inherits = inherits || has(parents, sig)
		}
	}
	untouched := ignoredBy(os.Getpid())
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		switch {
		case slices.Contains(s.ignored, sig) || slices.Contains(own, sig) || sig == syscall.SIGPIPE:
		case has(untouched, sig), inherits && has(parents, sig):
			s.ignored = append(s.ignored, sig)
		}
	}
}

func has(set uint64, s syscall.Signal) bool { return set>>(s-1)&1 != 0 }

// release gives the signals that were ignored back their action, for a new program.
func (s *signals) release() {
	for _, sig := range s.ignored {
		signal.Ignore(sig)
	}
}

// take catches signals: all that can be sent on, or only those that would end a shell. Each costs
// two changes of thread, the first time.
func (s *signals) take(all bool) {
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		switch stops := slices.Contains(jobControl, sig); {
		case slices.Contains(own, sig):
		case all && stops:
			signal.Ignore(sig) // or Notify would believe that it is caught, the second time
			signal.Notify(s.c, sig)
		case stops:
			signal.Reset(sig)
			if slices.Contains(s.ignored, sig) {
				signal.Ignore(sig)
			} else {
				setDefault(sig)
			}
		case all || !slices.Contains(s.ignored, sig) && !slices.Contains(harmless, sig):
			signal.Notify(s.c, sig)
		}
	}
}

// obey does what the signals are for.
func (s *script) obey() {
	for sig := range s.signals.c {
		if sig, ok := sig.(syscall.Signal); ok {
			s.obeyOne(sig)
		}
	}
}

func (s *script) obeyOne(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case waits:
		if !slices.Contains(harmless, sig) {
			die(sig)
		}
	case hasEnded:
		if slices.Contains(ending, sig) {
			endAs(s.status) // the shell would have ended before it came
		}
	case runs:
		if s.leads() && slices.Contains(fromTerminal, sig) && hasTerminal() {
			return // the script has got it
		}
		if slices.Contains(ending, sig) && s.isFrozen() {
			thaw(s.pid) // or it would not notice
		}
		_ = syscall.Kill(s.pid, sig) // it may have ended
		s.guard.signalled(sig)
	}
}

// isFrozen reports whether the script was stopped by something else than the terminal. It may not
// have been told yet of a stop.
func (s *script) isFrozen() bool {
	p, ok := lookup(s.pid)
	return s.stop == syscall.SIGSTOP || s.stop == 0 && ok && p.stopped
}

// hasTerminal reports whether this process's session has a terminal.
func hasTerminal() bool {
	fd, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	_ = unix.Close(fd)
	return true
}

// endAs ends this process with the wait status of another.
func endAs(status syscall.WaitStatus) {
	if status.Signaled() {
		noCore() // the one that matters is written
		die(status.Signal())
	}
	os.Exit(status.ExitStatus())
}

// die ends this process by a signal.
func die(sig syscall.Signal) {
	setDefault(sig)
	unblock(sig)
	_ = syscall.Kill(os.Getpid(), sig)
	time.Sleep(time.Second) // it may act in another thread
	os.Exit(128 + int(sig))
}
