//go:build unix && !solaris && !aix

package confined

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock locks a file, and reports whether another has it locked.
func lock(file *os.File) (taken bool) {
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
}
