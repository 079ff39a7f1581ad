package proctable

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Executable returns the file that a process runs, or "".
func Executable(pid int) string {
	raw, err := unix.SysctlRaw("kern.procargs2", pid) // the number of arguments, then the path
	if err != nil || len(raw) < 4 {
		return ""
	}
	path, _, _ := bytes.Cut(raw[4:], []byte{0})
	return string(path)
}
