package proctable

import (
	"os"

	"golang.org/x/sys/unix"
)

// Disguise gives this process a name: after a start by /proc/self/exe it would be "exe". pidof
// also looks for the program's file. The kernel hides that of a process that cannot be
// dumped, from all but root.
func Disguise(name string) {
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
