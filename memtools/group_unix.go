//go:build unix && !linux && !solaris && !illumos

package memtools

import "syscall"

// processGroup returns the process's group, zero where it has ended.
func processGroup(pid int) int {
	group, err := syscall.Getpgid(pid)
	if err != nil {
		return 0
	}
	return group
}
