//go:build amd64 || arm64

package observe

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (linux/seccomp.h). Both architectures are little endian.
const (
	offNumber = 0
	offArch   = 4
	offArg1   = 24 // the lower half of the second argument
)

// x32 is set in the numbers of calls of the x32 ABI.
const x32 = 0x40000000

// program is the filter. It lets go on what names no file, and notifies of the rest. Calls
// of other architectures are notified all: they make an observation incomplete. As on a
// kernel without it there is no io_uring, which would pass by the filter.
func program() []unix.SockFilter {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		above = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		bits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
	)
	var (
		allow  = unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}
		notify = unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF}
	)
	all := []unix.SockFilter{
		{Code: load, K: offArch},
		{Code: equal, K: auditArch, Jt: 1},
		notify,
		{Code: load, K: offNumber},
		{Code: above, K: x32, Jf: 1},
		notify,
		{Code: equal, K: unix.SYS_IO_URING_SETUP, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: equal, K: unix.SYS_SECCOMP, Jf: 4},
		{Code: load, K: offArg1},
		{Code: bits, K: unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, Jf: 1},
		notify,
		allow,
	}
	for _, nr := range slices.Sorted(maps.Keys(calls)) {
		if nr != unix.SYS_SECCOMP {
			all = append(all, unix.SockFilter{Code: equal, K: nr, Jf: 1}, notify)
		}
	}
	return append(all, allow)
}

// flags are those of the filter.
const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV

// Available tells why nothing can be observed here; nil if commands can be, as far as can be
// told without starting one.
func Available() error {
	// A kernel that knows the flags goes on to read the filter, of which there is none.
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, 0)
	if errno == unix.EFAULT {
		return nil
	}
	return fmt.Errorf("seccomp: %w", errno)
}

// install puts the filter on this thread and returns its listener.
func install() (listener int, err error) {
	all := program()
	if len(all) > math.MaxUint16 {
		return -1, fmt.Errorf("a filter of %d instructions", len(all))
	}
	p := unix.SockFprog{Len: uint16(len(all)), Filter: &all[0]}
	for {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&p)))
		runtime.KeepAlive(all)
		if errno == 0 {
			return int(fd), nil
		}
		if errno != unix.EACCES {
			return -1, fmt.Errorf("seccomp: %w", errno)
		}
		// Without CAP_SYS_ADMIN only for those who give up to gain rights by setuid.
		if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || set == 1 {
			return -1, fmt.Errorf("seccomp: %w", errno)
		}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return -1, fmt.Errorf("no_new_privs: %w", err)
		}
	}
}

// notification is struct seccomp_notif, and response struct seccomp_notif_resp.
type notification struct {
	id    uint64
	pid   uint32 // the thread
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type response struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// next waits for a notification. It returns false when no process is left under the filter.
func next(listener int, n *notification) bool {
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return false
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			if fds[0].Revents != 0 {
				return false
			}
			continue
		}
		*n = notification{}
		err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n))
		if err == nil {
			return true
		}
		if !errors.Is(err, unix.ENOENT) { // the thread was killed, or a signal came first
			return false
		}
	}
}

// valid reports whether the thread still waits: what was read of it is its own.
func valid(listener int, id uint64) bool {
	return ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&id)) == nil
}

// goOn lets the call of the notification happen. It fails if nobody waits any more.
func goOn(listener int, id uint64) error {
	r := response{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	return ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
}
