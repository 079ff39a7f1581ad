//go:build unix

package engine

import (
	"os"

	"golang.org/x/sys/unix"
)

// hold marks the folder of a run as in use, until the file is closed or this
// process ends, however it does. Where the file system has no locks, nothing is
// marked.
func hold(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err == nil {
		_ = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	}
	return f, err
}

// inUse reports whether a run holds its folder.
func inUse(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
}
