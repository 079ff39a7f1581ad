package proctable

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// The call behind proc_pid_rusage(3), by the numbers of sys/proc_info.h and sys/syscall.h.
const (
	sysProcInfo         = 336
	procInfoCallRusage  = 9
	rusageInfoV0        = 0
	rusageInfoV0Size    = 96
	rusageInfoResident  = 64 // offset of ri_resident_size
	rusageInfoFootprint = 72 // offset of ri_phys_footprint
)

// footprint returns the physical footprint of a process and its resident set in bytes.
// The footprint is what macOS limits processes by and shows as "Memory": unlike the
// resident set it counts compressed pages and no shared library. The error is
// os.ErrProcessDone if there is no such process; those of other users cannot be read.
func footprint(pid int) (physical, resident int64, err error) {
	var info [rusageInfoV0Size]byte
	// Go's syscall package enters the kernel by itself here: libproc would need cgo.
	_, _, errno := syscall.Syscall6(sysProcInfo, procInfoCallRusage, uintptr(pid), rusageInfoV0, 0, uintptr(unsafe.Pointer(&info)), 0)
	runtime.KeepAlive(&info)
	switch {
	case errno == syscall.ESRCH:
		return 0, 0, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	case errno != 0:
		return 0, 0, fmt.Errorf("read the footprint of process %d: %w", pid, errno)
	}
	amount := func(at int) int64 { return int64(binary.NativeEndian.Uint64(info[at:])) }
	return amount(rusageInfoFootprint), amount(rusageInfoResident), nil
}
