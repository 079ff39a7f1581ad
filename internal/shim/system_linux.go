package shim

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TCGETS
	fionread   = unix.TIOCINQ
	noSignal   = unix.MSG_NOSIGNAL
	lastSignal = syscall.Signal(31)
	realTime   = syscall.Signal(64)
	rssUnit    = 1024 // of ru_maxrss
)

func socket() (int, error) { return unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0) }

// attributes are those of the real shell. It is killed with the shim, as the shell that the
// runner believes it started would be. The kernel ties that to the thread that forks, which
// must not end before the process.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// sigaction is the kernel's struct, with room for those of all architectures.
type sigaction struct {
	handler uintptr
	rest    [7]uint64
}

// setDefault gives a signal the system's action, which os/signal cannot.
func setDefault(s syscall.Signal) {
	var action sigaction
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}

// noCore lets this process die without a core dump, even if a program collects those.
func noCore() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// isEnding reports whether a process ends, or was sent SIGKILL. It is false if /proc does not
// show the process.
func isEnding(pid int) bool {
	const exiting = 4 // PF_EXITING of the kernel
	stat := statOf(pid)
	if len(stat) < 7 {
		return false
	}
	flags, _ := strconv.ParseUint(stat[6], 10, 32)
	return flags&exiting != 0 || has(signalsOf(pid, "SigPnd")|signalsOf(pid, "ShdPnd"), syscall.SIGKILL)
}

// ignoredBy returns the signals that a process ignores, as a bit each, from bit 0 for signal 1.
func ignoredBy(pid int) uint64 { return signalsOf(pid, "SigIgn") }

// signalsOf returns a set of signals of a process. It is empty if the process is gone.
func signalsOf(pid int, name string) uint64 {
	set, _ := strconv.ParseUint(status(pid, name), 16, 64)
	return set
}

// carriedOver is the least ru_maxrss of a child in bytes: until its exec it has this process's
// memory, which Linux counts as the child's.
func carriedOver() int64 {
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(status(os.Getpid(), "VmHWM"), " kB"), 10, 64)
	return kilobytes << 10
}

// status returns what the system tells of a process under a name; empty if it does not.
func status(pid int, name string) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, rest, _ := bytes.Cut(text, []byte("\n"+name+":"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return strings.TrimSpace(string(line))
}

// process is an entry of the process table.
type process struct {
	pid, parent int
	stopped     bool
}

func lookup(pid int) (process, bool) {
	stat := statOf(pid)
	if len(stat) < 2 {
		return process{}, false
	}
	parent, err := strconv.Atoi(stat[1])
	return process{pid, parent, stat[0] == "T"}, err == nil
}

// statOf returns the fields of /proc/PID/stat, from the state on. There are none if the process
// is gone.
func statOf(pid int) []string {
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // the name before may hold anything
}

func processes() (list []process) {
	names, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if p, ok := lookup(pid); ok {
			list = append(list, p)
		}
	}
	return list
}

// unblock lets this thread receive a signal.
func unblock(s syscall.Signal) {
	var set unix.Sigset_t
	set.Val[0] = 1 << (s - 1) // on 64-bit systems
	_ = unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
}
