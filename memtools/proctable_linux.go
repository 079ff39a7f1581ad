package memtools

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// procfs is the process table of Linux (proc_pid_status(5) and friends).
//
// It keeps /proc/PID/status of a measured process open: reading it again costs
// two thirds of opening, reading and closing it, and it cannot show another
// process, for a descriptor of an ended process reads nothing any more.
type procfs struct {
	root  int // descriptor of /proc
	kept  int // descriptors kept for processes
	most  int // of them; zero once descriptors ran short
	names []byte
	text  []byte
	path  []byte
}

// The most descriptors kept, and the most that is read of one file: an
// environment is bounded by the stack's limit, 8 MB in general.
const (
	mostKept  = 1024
	mostText  = 8 << 20
	firstText = 16 << 10
)

func openTable() (table, error) { return openProcfs("/proc") }

// openProcfs reads the process table mounted at root.
func openProcfs(root string) (*procfs, error) {
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the process table %s: %w", root, err)
	}
	most := mostKept
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur/4 < mostKept {
		most = int(limit.Cur / 4)
	}
	return &procfs{root: fd, most: most, names: make([]byte, 32<<10), text: make([]byte, firstText)}, nil
}

func (p *procfs) list(to []listed) ([]listed, error) { return p.listDir(p.root, to) }

// listDir appends the entries of a folder whose names are numbers, with their
// inode numbers: procfs gives a new process a new one.
func (p *procfs) listDir(dir int, to []listed) ([]listed, error) {
	if _, err := unix.Seek(dir, 0, 0); err != nil {
		return to, err
	}
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(dir, p.names) })
		if err != nil || n <= 0 {
			return to, err
		}
		for rest := p.names[:n]; len(rest) > 0; {
			// struct linux_dirent64 of getdents(2): d_ino, d_off, d_reclen, d_type, d_name.
			inode, size := binary.NativeEndian.Uint64(rest), binary.NativeEndian.Uint16(rest[16:])
			if pid, ok := number(rest[19:size]); ok {
				to = append(to, listed{pid: pid, serial: inode})
			}
			rest = rest[size:]
		}
	}
}

// number reads the decimal number that a NUL ends.
func number(name []byte) (int, bool) {
	n := 0
	for i, c := range name {
		if c == 0 {
			return n, i > 0
		}
		if c < '0' || c > '9' || n > math.MaxInt32/10 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return 0, false
}

func (p *procfs) identify(e *entry) error {
	text, err := p.read(e.pid, "stat")
	if err != nil {
		return err
	}
	s, ok := parseStat(text)
	if !ok {
		return fmt.Errorf("/proc/%d/stat is not as proc_pid_stat(5) says", e.pid)
	}
	e.start, e.ppid, e.pgid, e.zombie = s.start, s.ppid, s.pgid, s.zombie
	return nil
}

func (p *procfs) readMarker(e *entry) {
	text, err := p.read(e.pid, "environ")
	if err != nil {
		text = nil // another user's: its marker is not for us to see
	}
	e.marker = findMarker(text)
	if len(p.text) > 16*firstText {
		p.text = make([]byte, firstText) // one large environment is not to be paid for ever
	}
}

func (p *procfs) measure(e *entry) error {
	text, err := p.status(e)
	if err != nil {
		return err
	}
	s, ok := parseStatus(text)
	if !ok {
		return fmt.Errorf("/proc/%d/status is not as proc_pid_status(5) says", e.pid)
	}
	e.zombie = s.zombie && s.threads <= 1
	e.ppid = s.ppid
	if s.hasGroup {
		e.pgid = s.pgid
	}
	if string(s.name) != e.name || e.cmd == "" { // it runs another program now
		e.name = string(s.name)
		e.cmd = e.name
		if text, err := p.read(e.pid, "cmdline"); err == nil {
			if cmd := commandLine(text); cmd != "" {
				e.cmd = cmd
			}
		}
	}
	if s.zombie && s.threads > 1 {
		s = p.threadOf(e.pid, s)
	}
	e.usage, e.rss = s.usage(), s.rss
	return nil
}

func (p *procfs) time(e *entry) {
	if text, err := p.read(e.pid, "stat"); err == nil {
		if s, ok := parseStat(text); ok && s.start == e.start {
			e.cpu = s.cpu
		}
	}
}

// threadOf returns the status of a living thread in place of that of a main
// thread that has ended alone, which shows no memory any more.
func (p *procfs) threadOf(pid int, main status) status {
	dir, err := p.open(pid, "task")
	if err != nil {
		return main
	}
	defer unix.Close(dir)
	threads, _ := p.listDir(dir, nil)
	for _, t := range threads {
		if t.pid == pid {
			continue
		}
		text, err := p.read(pid, "task/"+strconv.Itoa(t.pid)+"/status")
		if err != nil {
			continue
		}
		if s, ok := parseStatus(text); ok && !s.zombie {
			return s
		}
	}
	return main
}

// status returns the text of the process's status, from a kept descriptor where
// there may be one more.
func (p *procfs) status(e *entry) ([]byte, error) {
	if e.file == 0 && p.kept >= p.most {
		return p.read(e.pid, "status")
	}
	if e.file == 0 {
		fd, err := p.open(e.pid, "status")
		if err != nil {
			return nil, err
		}
		p.kept++
		e.file = fd + 1
	}
	return p.readAll(e.file - 1)
}

func (p *procfs) forget(e *entry) {
	if e.file > 0 {
		unix.Close(e.file - 1)
		p.kept--
		e.file = 0
	}
}

func (p *procfs) close() error { return unix.Close(p.root) }

// read returns the text of a file of a process. It is valid until the next read.
func (p *procfs) read(pid int, name string) ([]byte, error) {
	fd, err := p.open(pid, name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text, err := p.readAll(fd)
	if err == errGone && (name == "environ" || name == "cmdline") {
		err = nil // these are empty for a zombie and for a kernel's thread
	}
	return text, err
}

func (p *procfs) open(pid int, name string) (int, error) {
	p.path = append(strconv.AppendInt(p.path[:0], int64(pid), 10), '/')
	p.path = append(p.path, name...)
	fd, err := retry(func() (int, error) {
		return unix.Openat(p.root, string(p.path), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	})
	if err == unix.EMFILE || err == unix.ENFILE {
		p.most = 0
		return -1, errNoFiles
	}
	return fd, gone(err)
}

// readAll returns all of an open file. A file of a living process is never
// empty, environ and cmdline aside, so an empty one is errGone.
func (p *procfs) readAll(fd int) ([]byte, error) {
	size := 0
	for {
		n, err := retry(func() (int, error) { return unix.Pread(fd, p.text[size:], int64(size)) })
		if err != nil {
			return nil, gone(err)
		}
		size += n
		switch {
		case n == 0 && size == 0:
			return nil, errGone
		// A file of procfs comes in one piece if it fits a page and the buffer.
		case n == 0 || size < 4096, size >= mostText:
			return p.text[:size], nil
		case size == len(p.text):
			p.text = slices.Grow(p.text, len(p.text))[:2*len(p.text)]
		}
	}
}

// gone turns the errors that say that a process has ended into errGone.
func gone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return errGone
	}
	return err
}

// retry does a call again that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
