package filetree

import (
	"io/fs"
	"syscall"
)

// identity is the inode of a file, and when it was last changed in any way.
func identity(info fs.FileInfo) (inode, changed int64) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Ino), s.Ctimespec.Nano()
	}
	return 0, 0
}
