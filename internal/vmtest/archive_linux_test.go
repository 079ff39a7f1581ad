package vmtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// archive writes an initial file system for Linux: a cpio archive in the format "newc",
// see initramfs-buffer-format in the kernel's documentation. Its first error stays.
type archive struct {
	to    *bufio.Writer
	inode int
	size  int
	dirs  []string
	err   error
}

func newArchive(to io.Writer) *archive { return &archive{to: bufio.NewWriterSize(to, 1<<20)} }

// The types of files, as in stat(2).
const (
	isFolder = 0o040000
	isFile   = 0o100000
)

func (a *archive) folder(name string) {
	if name == "." || slices.Contains(a.dirs, name) {
		return
	}
	a.folder(filepath.Dir(name))
	a.dirs = append(a.dirs, name)
	a.entry(name, isFolder|0o755, nil)
}

func (a *archive) file(name string, mode int, content []byte) {
	a.folder(filepath.Dir(name))
	a.entry(name, isFile|mode, content)
}

// program adds a program of this system.
func (a *archive) program(name, from string) {
	content, err := os.ReadFile(from)
	if err != nil && a.err == nil {
		a.err = err
	}
	a.file(name, 0o755, content)
}

// close ends the archive.
func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, nil)
	if err := a.to.Flush(); a.err == nil {
		a.err = err
	}
	return a.err
}

func (a *archive) entry(name string, mode int, content []byte) {
	a.inode++
	header := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0)
	a.write([]byte(header + name + "\x00"))
	a.write(content)
}

// write writes a part, and fills it up to a multiple of four bytes.
func (a *archive) write(part []byte) {
	a.size += len(part)
	fill := -a.size & 3
	a.size += fill
	for _, p := range [][]byte{part, []byte(strings.Repeat("\x00", fill))} {
		if _, err := a.to.Write(p); err != nil && a.err == nil {
			a.err = err
		}
	}
}
