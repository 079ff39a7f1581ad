package memtools

import (
	"sync"

	"golang.org/x/sys/unix"
)

var machineSize = sync.OnceValues(func() (uint64, error) { return unix.SysctlUint64("hw.memsize") })

// readAvailable reads the share of memory, in percent, that the system counts as free
// (memory_pressure(1) prints it). gopsutil would start vm_stat for each sample: it is
// asked only if there is no such figure.
func readAvailable() (Bytes, error) {
	level, err := unix.SysctlUint32("kern.memorystatus_level")
	size, err2 := machineSize()
	if err != nil || err2 != nil || level > 100 {
		return readVirtual()
	}
	return Bytes(size / 100 * uint64(level)), nil
}
