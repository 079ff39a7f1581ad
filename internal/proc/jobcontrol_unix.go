//go:build unix

package proc

import (
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/proctable"
)

const (
	// stopWait is how long SIGSTOP to this process may take to stop it.
	stopWait = 100 * time.Millisecond
	// relayWait is how long "go tool" has to pass a signal on before it is stopped.
	relayWait = 50 * time.Millisecond
)

// StopJob freezes all commands, as hold does, and stops this process with its launchers.
// Once it is continued it lets them go on, and returns. If it is continued before it has
// stopped, it does not stop. It does nothing if no shell is there that could continue it;
// then the kernel ignores a stop by the terminal as well ("orphaned process group" in
// POSIX).
func StopJob() {
	self, err := proctable.Lookup(os.Getpid())
	if err != nil || !hasJobControl(self) {
		return
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	defer signal.Stop(continued)
	defer hold()()
	// "go tool" catches every signal and passes it on, so it does not stop by itself.
	around := jobLaunchers(self)
	if len(around) > 0 {
		time.Sleep(relayWait)
	}
	select {
	case <-continued:
		return
	default:
	}
	for _, l := range around {
		_ = proctable.Signal(l.Identity, unix.SIGSTOP)
	}
	// Not the signal that came: Go does not give it its default action back.
	_ = unix.Kill(self.PID, unix.SIGSTOP)
	select {
	case <-continued:
	case <-time.After(stopWait):
	}
	for _, l := range around {
		_ = proctable.Signal(l.Identity, unix.SIGCONT)
	}
}

// ContinueLaunchers continues the launchers inside of another: after a stop, "go tool"
// may still pass on the signal that asked for it, and stop mage alone.
func ContinueLaunchers() {
	self, err := proctable.Lookup(os.Getpid())
	if err != nil {
		return
	}
	around := jobLaunchers(self)
	for _, l := range around[:max(0, len(around)-1)] {
		_ = proctable.Signal(l.Identity, unix.SIGCONT)
	}
}

// jobLaunchers returns the launchers in the process group of self, the nearest first.
func jobLaunchers(self proctable.Process) []proctable.Process {
	return slices.DeleteFunc(launchers(self.PPID), func(l proctable.Process) bool { return l.Group != self.Group })
}

// hasJobControl reports whether a process has a shell that controls it as a job: one
// around its process group, in the same session.
func hasJobControl(self proctable.Process) bool {
	var err error
	for p := self; err == nil; p, err = proctable.Lookup(p.PPID) {
		if p.Group != self.Group || p.Session != self.Session {
			return p.Session == self.Session
		}
	}
	return false
}
