package proc

import (
	"os"
	"strconv"
	"strings"
)

// executablePath returns the file that a process runs, or "".
func executablePath(pid int) string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// selfPath returns this program's own file, even if it was replaced or removed.
func selfPath() (string, error) { return "/proc/self/exe", nil }
