//go:build linux || darwin

package shim

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// thaw lets a process and all its descendants go on that were stopped.
func thaw(pid int) {
	children := map[int][]process{}
	for _, p := range processes() {
		children[p.parent] = append(children[p.parent], p)
	}
	p, ok := lookup(pid)
	if !ok {
		return
	}
	for list := []process{p}; len(list) > 0; list = list[1:] {
		if list[0].stopped {
			_ = syscall.Kill(list[0].pid, syscall.SIGCONT) // it may have ended
		}
		list = append(list, children[list[0].pid]...)
	}
}

// isOrphaned reports whether a process group that this process was started in would be an
// orphaned one if the shim were a shell in it: whether no member has a parent that is in
// another group of its session. The terminal does not stop the processes of such a group,
// because nobody would let them go on.
func isOrphaned(group, session int) bool {
	for pid := syscall.Getppid(); ; {
		if of, err := syscall.Getpgid(pid); pid == 0 || err != nil || of != group {
			in, err := unix.Getsid(pid)
			return pid == 0 || err != nil || in != session
		}
		p, ok := lookup(pid)
		if !ok {
			return false
		}
		pid = p.parent
	}
}
