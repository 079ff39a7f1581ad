//go:build linux || darwin

package shim

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

// input is the standard input, as it is before the script starts.
type input struct {
	kind   frame.Stdin
	offset int64 // in a file
	unread int   // bytes in a pipe or a socket
}

func newInput() input {
	var stat, null unix.Stat_t
	if unix.Fstat(0, &stat) != nil {
		return input{kind: frame.Null}
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		offset, err := syscall.Seek(0, 0, io.SeekCurrent)
		if err == nil {
			return input{kind: frame.File, offset: offset}
		}
	case unix.S_IFCHR:
		if isTerminal(0) {
			return input{kind: frame.Terminal}
		}
		if unix.Stat("/dev/null", &null) == nil && null.Rdev == stat.Rdev {
			return input{kind: frame.Null}
		}
	case unix.S_IFIFO:
		poll := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}}
		_, err := unix.Poll(poll, 0)
		if err == nil && poll[0].Revents&unix.POLLHUP != 0 && unread(0) == 0 {
			return input{kind: frame.AtEnd}
		}
	case unix.S_IFSOCK:
		n, _, err := unix.Recvfrom(0, make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err == nil && n == 0 {
			return input{kind: frame.AtEnd}
		}
	}
	return input{kind: frame.Open, unread: unread(0)}
}

// unread returns how many bytes a pipe or a socket holds, -1 if that cannot be told.
func unread(fd int) int {
	n, err := unix.IoctlGetInt(fd, fionread)
	if err != nil {
		return -1
	}
	return n
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, getTermios)
	return err == nil
}

// wasRead reports whether the script has read from it, or may have. What came and was read
// meanwhile does not show in an open one: there the guard looks for processes that wait for it.
func (i input) wasRead() bool {
	switch i.kind {
	case frame.Null, frame.AtEnd:
		return false
	case frame.File:
		offset, err := syscall.Seek(0, 0, io.SeekCurrent)
		return err != nil || offset != i.offset
	case frame.Open:
		return i.unread != 0
	default:
		return true
	}
}

// restore makes it what it was, for another attempt.
func (i input) restore() {
	if i.kind == frame.File {
		_, _ = syscall.Seek(0, i.offset, io.SeekStart) // it was possible before
	}
}
