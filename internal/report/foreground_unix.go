//go:build unix

package report

import (
	"os"

	"golang.org/x/sys/unix"
)

// inForeground reports whether a file is the terminal that controls this process, and is this
// process's to draw on: a job in the background shares it with the shell's prompt.
func inForeground(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
