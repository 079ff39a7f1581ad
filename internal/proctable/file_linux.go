package proctable

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// read returns the text of a file of a process. It is valid until the next read.
func (t *Table) read(pid int, name string) ([]byte, error) {
	fd, err := t.open(pid, name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return t.readAll(fd)
}

// open opens a file of a process. Its errors are os.ErrProcessDone, ErrNoFiles
// and those of openat(2).
func (t *Table) open(pid int, name string) (int, error) {
	fd, err := t.openFile(pid, name)
	return fd, gone(err)
}

func (t *Table) openFile(pid int, name string) (int, error) {
	t.path = append(strconv.AppendInt(t.path[:0], int64(pid), 10), '/')
	t.path = append(t.path, name...)
	fd, err := retry(func() (int, error) {
		return unix.Openat(t.root, string(t.path), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	})
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		t.MostKept = 0
		return -1, ErrNoFiles
	}
	return fd, err
}

// readAll returns all of an open file. Every file that is read here has content
// as long as its process has memory, so an empty one is os.ErrProcessDone.
func (t *Table) readAll(fd int) ([]byte, error) {
	if t.text == nil {
		t.text = make([]byte, firstText)
	}
	size := 0
	for {
		n, err := retry(func() (int, error) { return unix.Pread(fd, t.text[size:], int64(size)) })
		if err != nil {
			return nil, gone(err)
		}
		size += n
		switch {
		case n == 0 && size == 0:
			return nil, os.ErrProcessDone
		// A file of procfs comes in one piece if it fits a page and the buffer.
		case n == 0 || size < 4096, size >= mostText:
			return t.text[:size], nil
		case size == len(t.text):
			t.text = slices.Grow(t.text, len(t.text))[:2*len(t.text)]
		}
	}
}

// gone turns errors that mean the end of a process into os.ErrProcessDone.
func gone(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// ReadFile is os.ReadFile for small files of the kernel, such as those of
// cgroups, at half its cost: an os.File would be watched for readiness.
func ReadFile(path string) ([]byte, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	text := make([]byte, 0, 2048)
	for {
		n, err := retry(func() (int, error) { return unix.Read(fd, text[len(text):cap(text)]) })
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return text, nil
		}
		if text = text[:len(text)+n]; len(text) == cap(text) {
			text = slices.Grow(text, len(text))
		}
	}
}

// retry repeats a call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
