//go:build amd64 || arm64

package observe

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// shimName is argument 0 of the shim. Argument 1 is the descriptor of the way to the
// keeper, 2 the program, and the rest are its arguments, from 0.
const shimName = "observed-command"

// init turns a process that was started as the shim into the command. Goroutine 1 is on
// one thread during this, and the filter is only on that.
func init() {
	if len(os.Args) < 4 || os.Args[0] != shimName {
		return
	}
	if fd, err := strconv.Atoi(os.Args[1]); err == nil {
		if err := hand(fd); err != nil {
			_, _ = unix.Write(fd, []byte(err.Error())) // then it runs unobserved
		}
		_ = unix.Close(fd)
	}
	err := syscall.Exec(os.Args[2], os.Args[3:], os.Environ())
	fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[2], err)
	os.Exit(notStarted)
}

// notStarted is a shell's exit code for a program that cannot be started.
const notStarted = 126

// hand gives the listener to the keeper, and waits until that answers.
func hand(fd int) error {
	listener, err := install()
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	if err := unix.Sendmsg(fd, []byte{'l'}, unix.UnixRights(listener), nil, 0); err != nil {
		return err
	}
	answer := make([]byte, 1)
	for {
		n, err := unix.Read(fd, answer)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != 1 {
			return errors.Join(errors.New("no answer from the keeper"), err)
		}
		return nil
	}
}
