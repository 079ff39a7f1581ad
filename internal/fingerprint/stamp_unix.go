//go:build unix

package fingerprint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// readFlags open what is found without following a link or waiting for a pipe.
const readFlags = os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK

func lstat(path string) (stamp, fs.FileMode, error) {
	var s unix.Stat_t
	err := unix.Lstat(path, &s)
	for errors.Is(err, unix.EINTR) {
		err = unix.Lstat(path, &s)
	}
	if err != nil {
		return stamp{}, 0, err
	}
	return stampOf(&s), ModeOf(uint32(wide(s.Mode))), nil
}

func fstat(f *os.File) (stamp, fs.FileMode, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return stamp{}, 0, err
	}
	return stampOf(&s), ModeOf(uint32(wide(s.Mode))), nil
}

func stampOf(s *unix.Stat_t) stamp {
	return stamp{size: s.Size, modified: s.Mtim.Nano(), changed: s.Ctim.Nano(), inode: s.Ino,
		device: wide(s.Dev)}
}

// Stamp is a text that changes with a regular file: links are followed. ok is false if it is
// none, cannot be looked at, or if the system does not tell enough of it.
func Stamp(path string) (text string, ok bool) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil || !ModeOf(uint32(wide(s.Mode))).IsRegular() {
		return "", false
	}
	return fmt.Sprintf("%+v", stampOf(&s)), true
}

// ModeOf is a mode of the system (stat(2)) in the bits of package fs.
func ModeOf(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFIFO:
		m |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= fs.ModeSocket
	case unix.S_IFCHR:
		m |= fs.ModeDevice | fs.ModeCharDevice
	default:
		m |= fs.ModeDevice
	}
	if mode&unix.S_ISUID != 0 {
		m |= fs.ModeSetuid
	}
	if mode&unix.S_ISGID != 0 {
		m |= fs.ModeSetgid
	}
	if mode&unix.S_ISVTX != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// wide is a number whose type differs from system to system.
func wide[T int32 | uint16 | uint32 | uint64](n T) uint64 { return uint64(n) }
