package proctable

import (
	"bytes"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Arguments returns the arguments of a process, nil if it has none or they cannot be read: in
// the middle of an exec, and of a process that has ended. A program may have written
// something else in their place (npm does).
func (t *Table) Arguments(pid int) []string {
	text, err := t.read(pid, "cmdline")
	if err != nil {
		return nil
	}
	// A title that is shorter than the arguments is followed by NULs.
	text = bytes.TrimRight(text, "\x00")
	if len(text) == 0 {
		return nil
	}
	var all []string
	for arg := range bytes.SplitSeq(text, []byte{0}) {
		all = append(all, string(arg))
	}
	return all
}

// Folder returns the absolute working folder of a process, empty if it cannot be read.
func (t *Table) Folder(pid int) string { return t.link(pid, "cwd") }

// Executable returns the absolute path of a process's program, empty if it cannot be read.
func (t *Table) Executable(pid int) string { return t.link(pid, "exe") }

func (t *Table) link(pid int, name string) string {
	var buf [4096]byte
	n, err := retry(func() (int, error) {
		return unix.Readlinkat(t.root, strconv.Itoa(pid)+"/"+name, buf[:])
	})
	if err != nil || n == len(buf) {
		return ""
	}
	return string(buf[:n])
}

// Exists reports whether there is a process, or one that has ended and that its parent has not
// noticed yet, at a tenth of the cost of Identify.
func Exists(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }
