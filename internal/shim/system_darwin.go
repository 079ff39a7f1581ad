package shim

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TIOCGETA
	fionread   = 0x4004667f // FIONREAD
	noSignal   = 0          // the socket has SO_NOSIGPIPE
	lastSignal = syscall.Signal(31)
	realTime   = lastSignal // there are none
	rssUnit    = 1          // of ru_maxrss
)

func socket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, err
	}
	unix.CloseOnExec(fd)
	return fd, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
}

func attributes() *syscall.SysProcAttr { return nil }

// sigaction is the kernel's struct __sigaction.
type sigaction struct {
	handler, trampoline uintptr
	mask                uint32
	flags               int32
}

// setDefault gives a signal the system's action, which os/signal cannot.
func setDefault(s syscall.Signal) {
	var action sigaction
	_, _, _ = syscall.RawSyscall(syscall.SYS_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0)
}

// noCore lets this process die without a core dump.
func noCore() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }

// isEnding is not told by this system before the process has ended.
func isEnding(int) bool { return false }

// ignoredBy is not told by this system.
func ignoredBy(int) uint64 { return 0 }

// process is an entry of the process table.
type process struct {
	pid, parent int
	stopped     bool
}

const sstop = 4 // SSTOP of sys/proc.h

func entry(k *unix.KinfoProc) process {
	return process{int(k.Proc.P_pid), int(k.Eproc.Ppid), k.Proc.P_stat == sstop}
}

func lookup(pid int) (process, bool) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid {
		return process{}, false
	}
	return entry(k), true
}

func processes() (list []process) {
	all, _ := unix.SysctlKinfoProcSlice("kern.proc.all") // without it nothing is thawed
	for i := range all {
		list = append(list, entry(&all[i]))
	}
	return list
}

// unblock is left to the system: nothing in use blocks signals for its children.
func unblock(syscall.Signal) {}

// carriedOver is the least ru_maxrss of a child, which begins anew at its exec here.
func carriedOver() int64 { return 0 }
