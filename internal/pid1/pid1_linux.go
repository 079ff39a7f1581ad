// Package pid1 lets a program be process 1 of a container.
package pid1

import (
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// Run lets process 1 of a container do what the kernel expects of it, as
// docker run --init would: it starts this program again as its child, passes signals on,
// reaps the orphans of all processes, and exits as the child does. In any other process,
// and if the child cannot be started, it returns at once.
func Run() {
	if os.Getpid() != 1 {
		return
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals)
	child, err := startAgain()
	if err != nil {
		signal.Reset()
		return
	}
	debug.FreeOSMemory()
	go func() {
		for s := range signals {
			if s != unix.SIGCHLD && s != unix.SIGURG { // Go sends SIGURG to itself
				_ = child.Signal(s) // it may have ended meanwhile
			}
		}
	}()
	os.Exit(reapUntil(child.Pid))
}

// startAgain starts this program with everything that it was given. On a terminal the child
// gets the foreground, or an interrupt would reach it twice.
func startAgain() (*os.Process, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		attr.Foreground, attr.Ctty = true, 0
	}
	return os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: attr})
}

// reapUntil reaps every child until pid has ended, and returns its exit code, as a shell
// would tell it.
func reapUntil(pid int) (code int) {
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 1 // pid is no child of ours: that cannot be
		case ended == pid && status.Signaled():
			return 128 + int(status.Signal())
		case ended == pid:
			return status.ExitStatus()
		}
	}
}
