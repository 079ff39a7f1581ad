package proc

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// executablePath returns the file that a process runs, or "".
func executablePath(pid int) string {
	raw, err := unix.SysctlRaw("kern.procargs2", pid) // the number of arguments, then the path
	if err != nil || len(raw) < 4 {
		return ""
	}
	path, _, _ := bytes.Cut(raw[4:], []byte{0})
	return string(path)
}

func selfPath() (string, error) { return os.Executable() }
