package proctable

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Births tells which processes have begun, at a cost that grows with their number and not
// with that of all processes: about 2 µs if none has. It is not safe for concurrent use.
//
// The kernel gives numbers to processes in rising order and tells the last one in
// /proc/loadavg, and a listing of /proc can begin at a number. Where that does not hold
// (gVisor, lxcfs), and once in a while in any case, all processes are listed.
type Births struct {
	table *Table
	seen  map[int]uint64 // the serial of each process that was listed
	last  int            // descriptor of /proc/loadavg, or -1
	first int64          // where process 0 would stand in a listing, or -1

	whole   time.Time // when all processes were last listed
	past    []mark    // of the last second, the oldest first
	listed  []Listed
	figures [128]byte
}

// mark is a moment and the last number that had been given away by then.
type mark struct {
	at  time.Time
	pid int
}

const (
	// late is how long a process can have a number before it can be seen: its parent may
	// lose the processor in the middle of a fork.
	late = time.Second
	// wholeEvery is the time between two listings of all processes.
	wholeEvery = 2 * time.Second
)

// Births begins to tell births: the first call of Next returns all processes.
func (t *Table) Births() *Births {
	b := &Births{table: t, last: -1, first: -1}
	fd, err := retry(func() (int, error) {
		return unix.Openat(t.root, "loadavg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return b
	}
	var s unix.Statfs_t
	if unix.Fstatfs(fd, &s) != nil || s.Type != unix.PROC_SUPER_MAGIC { // lxcfs has an older figure
		_ = unix.Close(fd)
		return b
	}
	b.last = fd
	return b
}

// Close closes what Births opened. The table stays open.
func (b *Births) Close() {
	if b.last >= 0 {
		_ = unix.Close(b.last)
	}
}

// Next appends the processes that have begun since the last call and still exist.
func (b *Births) Next(now time.Time, to []Process) ([]Process, error) {
	pid := b.lastPID()
	from, whole := pid, pid <= 0 || b.first < 0 || now.Sub(b.whole) >= wholeEvery
	for len(b.past) > 1 && now.Sub(b.past[1].at) > late {
		b.past = b.past[1:]
	}
	for _, m := range b.past {
		whole = whole || m.pid > pid // the numbers have begun anew
		from = min(from, m.pid)
	}
	if n := len(b.past); n == 0 || b.past[n-1].pid != pid {
		b.past = append(b.past, mark{now, pid})
	}
	if !whole && from == pid {
		return to, nil
	}
	var err error
	if whole {
		b.listed, err = b.all(b.listed[:0])
		b.whole = now
	} else {
		b.listed, err = b.table.listDirFrom(b.table.root, b.first+int64(from)+1, b.listed[:0], nil)
	}
	if err != nil {
		return to, err
	}
	if whole || b.seen == nil {
		before := b.seen
		b.seen = make(map[int]uint64, len(b.listed))
		for _, l := range b.listed {
			if serial, known := before[l.PID]; known && serial == l.Serial {
				b.seen[l.PID] = l.Serial
			}
		}
	}
	for _, l := range b.listed {
		if serial, known := b.seen[l.PID]; known && serial == l.Serial {
			continue
		}
		p := Process{Identity: Identity{PID: l.PID}}
		if b.table.Identify(&p) == nil {
			b.seen[l.PID] = l.Serial
			to = append(to, p)
		}
	}
	return to, nil
}

// all lists all processes, and finds out where they stand.
func (b *Births) all(to []Listed) ([]Listed, error) {
	b.first = -1
	constant := true
	var next int64 // where the entry after the last one stands
	return b.table.listDirFrom(b.table.root, 0, to, func(pid int, after int64) {
		if next > 0 && constant {
			first := next - int64(pid)
			constant = b.first < 0 || b.first == first
			if b.first = first; !constant {
				b.first = -1
			}
		}
		next = after
	})
}

// lastPID returns the number that was last given to a process or thread, or zero if it is
// not known: the last field of /proc/loadavg (proc_loadavg(5)).
func (b *Births) lastPID() int {
	if b.last < 0 {
		return 0
	}
	n, err := retry(func() (int, error) { return unix.Pread(b.last, b.figures[:], 0) })
	if err != nil {
		return 0
	}
	text := bytes.TrimSpace(b.figures[:n])
	pid, err := strconv.Atoi(string(text[bytes.LastIndexByte(text, ' ')+1:]))
	if err != nil {
		return 0
	}
	return pid
}

// listDirFrom appends the entries of a folder that stand at a position or after it and whose
// names are numbers, with their inode numbers: procfs gives each new process a new one. If
// each is not nil it is called with each of them, and the position after it.
func (t *Table) listDirFrom(dir int, position int64, to []Listed, each func(pid int, after int64)) ([]Listed, error) {
	if t.names == nil {
		t.names = make([]byte, 32<<10)
	}
	if _, err := unix.Seek(dir, position, unix.SEEK_SET); err != nil {
		return to, err
	}
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(dir, t.names) })
		if err != nil || n <= 0 {
			return to, err
		}
		for rest := t.names[:n]; len(rest) > 0; {
			// struct linux_dirent64 of getdents(2): d_ino, d_off, d_reclen, d_type, d_name.
			inode, after := binary.NativeEndian.Uint64(rest), int64(binary.NativeEndian.Uint64(rest[8:]))
			size := binary.NativeEndian.Uint16(rest[16:])
			if pid, ok := number(rest[19:size]); ok {
				to = append(to, Listed{PID: pid, Serial: inode})
				if each != nil {
					each(pid, after)
				}
			}
			rest = rest[size:]
		}
	}
}
