package proctable

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls behind proc_pidinfo(3), by the numbers and types of sys/proc_info.h.
const (
	procInfoCallPIDInfo = 2
	pidPathInfo         = 11
	pidVnodePathInfo    = 9
	vnodePathInfoSize   = 2352
	vnodePathInfoCwd    = 152 // offset of pvi_cdir.vip_path
	longestPath         = 1024
)

// Arguments returns the arguments of a process, nil if they cannot be read.
func (*Table) Arguments(pid int) []string {
	args, _ := arguments(pid)
	text := strings.TrimRight(string(args), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}

// Folder returns the absolute working folder of a process, empty if it cannot be read.
func (*Table) Folder(pid int) string {
	var info [vnodePathInfoSize]byte
	if !procInfo(pid, pidVnodePathInfo, info[:]) {
		return ""
	}
	return cString(info[vnodePathInfoCwd:][:longestPath])
}

// Executable returns the absolute path of a process's program, empty if it cannot be read.
func (*Table) Executable(pid int) string {
	var file [4 * longestPath]byte
	if !procInfo(pid, pidPathInfo, file[:]) {
		return ""
	}
	return cString(file[:])
}

func procInfo(pid int, flavor uintptr, to []byte) bool {
	_, _, errno := syscall.Syscall6(sysProcInfo, procInfoCallPIDInfo, uintptr(pid), flavor, 0, uintptr(unsafe.Pointer(&to[0])), uintptr(len(to)))
	runtime.KeepAlive(to)
	return errno == 0
}

func cString(text []byte) string {
	text, _, _ = bytes.Cut(text, []byte{0})
	return string(text)
}

// Exists reports whether there is a process, or one that has ended and that its parent has not
// noticed yet.
func Exists(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }
