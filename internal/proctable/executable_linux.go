package proctable

import (
	"os"
	"strconv"
	"strings"
)

// Executable returns the file that a process runs, or "".
func Executable(pid int) string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}
