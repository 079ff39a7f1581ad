package proctable

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Table reads the process table (proc(5)). It is not safe for concurrent use.
//
// It keeps /proc/PID/status of a measured process open. Reading it again costs a
// third of opening, reading and closing it, and can never show another process:
// the descriptor of an ended process reads nothing.
type Table struct {
	// MostKept limits how many descriptors are kept. Open sets it to 1024 or to a
	// quarter of those that this process may have; it is zero once they ran short.
	MostKept int

	root  int // descriptor of /proc
	kept  int // descriptors kept for processes
	names []byte
	text  []byte
	path  []byte
}

const (
	mostKept  = 1024
	mostText  = 8 << 20 // of one file: an environment is bounded by the stack's limit, 8 MB in general
	firstText = 16 << 10
)

// Open opens the process table. Close it after use.
func Open() (*Table, error) { return OpenAt("/proc") }

// OpenAt opens the process table that is mounted at root.
func OpenAt(root string) (*Table, error) {
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the process table %s: %w", root, err)
	}
	most := mostKept
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur/4 < mostKept {
		most = int(limit.Cur / 4)
	}
	return &Table{root: fd, MostKept: most}, nil
}

// Close closes the table. Forget every measured process first.
func (t *Table) Close() error { return unix.Close(t.root) }

// Lookup reads one process. It returns os.ErrProcessDone if there is none.
func Lookup(pid int) (Process, error) {
	var buf [1024]byte // a stat line has at most about 500 bytes
	fd, err := retry(func() (int, error) {
		return unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return Process{}, fmt.Errorf("process %d: %w", pid, gone(err))
	}
	n, err := retry(func() (int, error) { return unix.Read(fd, buf[:]) })
	_ = unix.Close(fd)
	if err != nil {
		return Process{}, fmt.Errorf("process %d: %w", pid, gone(err))
	}
	p, _, _, ok := parseStat(buf[:n])
	if !ok {
		return Process{}, badFile(pid, "stat")
	}
	return p, nil
}

// All returns every process that can be read.
func (t *Table) All() ([]Process, error) {
	listed, err := t.List(nil)
	if err != nil {
		return nil, err
	}
	all := make([]Process, 0, len(listed))
	for _, l := range listed {
		p := Process{Identity: Identity{PID: l.PID}}
		if t.Identify(&p) == nil { // else it has ended meanwhile
			all = append(all, p)
		}
	}
	return all, nil
}

// List appends every process to to.
func (t *Table) List(to []Listed) ([]Listed, error) { return t.listDir(t.root, to) }

// listDir appends the entries of a folder whose names are numbers, with their
// inode numbers: procfs gives each new process a new one.
func (t *Table) listDir(dir int, to []Listed) ([]Listed, error) {
	return t.listDirFrom(dir, 0, to, nil)
}

// number parses a decimal number that ends with a NUL.
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

// Identify fills in p, whose PID is set. It returns os.ErrProcessDone if there is
// no such process.
func (t *Table) Identify(p *Process) error {
	text, err := t.read(p.PID, "stat")
	if err != nil {
		return err
	}
	now, _, _, ok := parseStat(text)
	if !ok {
		return badFile(p.PID, "stat")
	}
	now.PID = p.PID
	*p = now
	return nil
}

// Environ returns the environment that a process was started with, valid until
// the next call: entries that each end with a NUL, or nil if it is not ours to
// read. settled is false while an exec is under way (the kernel has put the new
// program's memory in place, but not noted yet where its environment is), and
// while a process ends (its memory is gone, its open files are not).
func (t *Table) Environ(pid int) (environ []byte, settled bool) {
	environ, settled = t.environ(pid, "environ")
	if settled {
		return environ, true
	}
	if text, err := t.read(pid, "cmdline"); err == nil && len(text) > 0 {
		return nil, true // it has no environment
	}
	// The main thread may have ended alone; the others still show it.
	for _, tid := range t.otherThreads(pid) {
		if environ, settled := t.environ(pid, "task/"+strconv.Itoa(tid)+"/environ"); settled {
			return environ, true
		}
	}
	return nil, false
}

func (t *Table) environ(pid int, name string) (environ []byte, settled bool) {
	fd, err := t.openFile(pid, name)
	if err != nil {
		return nil, !errors.Is(err, unix.ESRCH) && !errors.Is(err, ErrNoFiles)
	}
	defer func() { _ = unix.Close(fd) }()
	environ, err = t.readAll(fd)
	if cap(t.text) > 16*firstText {
		t.text = nil // one large environment must not hold its memory for ever
	}
	if err != nil {
		return nil, !errors.Is(err, os.ErrProcessDone)
	}
	return environ, true
}

// otherThreads returns the ids of the threads beside the main one.
func (t *Table) otherThreads(pid int) (tids []int) {
	dir, err := t.open(pid, "task")
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(dir) }()
	threads, _ := t.listDir(dir, nil) // what was read before an error is good
	for _, l := range threads {
		if l.PID != pid {
			tids = append(tids, l.PID)
		}
	}
	return tids
}

func badFile(pid int, name string) error {
	return fmt.Errorf("/proc/%d/%s is not as proc(5) describes it", pid, name)
}
