package proc

import (
	"os"

	"golang.org/x/sys/unix"
)

// disguise gives the reaper its own name: after its start it would be "exe". pidof
// also looks for the program's file. The kernel hides that of a process that cannot be
// dumped, from all but root.
func disguise() {
	_ = os.WriteFile("/proc/self/comm", []byte(reaperName), 0)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
