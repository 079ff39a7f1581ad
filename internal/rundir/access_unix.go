//go:build unix

package rundir

import (
	"os"

	"golang.org/x/sys/unix"
)

// hold marks the folder of a run as in use, until it is closed or this process ends
// in any way. On a file system without locks it marks nothing.
func hold(dir *os.File) { _ = unix.Flock(int(dir.Fd()), unix.LOCK_SH|unix.LOCK_NB) }

// inUse reports whether a run holds its folder.
func inUse(dir *os.File) bool {
	return unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// writable asks the kernel whether files can be made in a folder.
func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	return nil
}
