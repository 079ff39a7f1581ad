package proctable

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Table reads the process table through sysctl(3).
type Table struct{}

const stateZombie = 5 // SZOMB of sys/proc.h

// Open opens the process table. Close it after use.
func Open() (*Table, error) { return &Table{}, nil }

// Close closes the table.
func (*Table) Close() error { return nil }

// Lookup reads one process. It returns os.ErrProcessDone if there is none.
func Lookup(pid int) (Process, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid {
		return Process{}, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	}
	return fromKinfo(k), nil
}

// All returns every process.
func (*Table) All() ([]Process, error) {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	all := make([]Process, len(procs))
	for i := range procs {
		all[i] = fromKinfo(&procs[i])
	}
	return all, nil
}

// List appends every process to to.
func (t *Table) List(to []Listed) ([]Listed, error) {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	for i := range procs {
		to = append(to, Listed{PID: int(procs[i].Proc.P_pid)})
	}
	return to, err
}

// Identify fills in p, whose PID is set. It returns os.ErrProcessDone if there is
// no such process.
func (*Table) Identify(p *Process) (err error) {
	*p, err = Lookup(p.PID)
	return err
}

func fromKinfo(k *unix.KinfoProc) Process {
	p := Process{
		Identity: Identity{PID: int(k.Proc.P_pid), Start: uint64(k.Proc.P_starttime.Nano())},
		PPID:     int(k.Eproc.Ppid), Group: int(k.Eproc.Pgid),
		Zombie: k.Proc.P_stat == stateZombie,
	}
	if sid, err := unix.Getsid(p.PID); err == nil {
		p.Session = sid
	}
	return p
}

// Environ returns the environment that a process was started with: entries that
// each end with a NUL, or nil. The system hides it for its own, protected
// programs. It reads kern.procargs2: the number of arguments, the path, the
// arguments and the environment, each ended by NULs.
func (*Table) Environ(pid int) (environ []byte, settled bool) {
	_, environ = arguments(pid)
	return environ, true
}

// command returns the arguments of a process, with spaces between them, or "".
func command(pid int) string {
	args, _ := arguments(pid)
	return string(bytes.ReplaceAll(bytes.TrimSuffix(args, []byte{0}), []byte{0}, []byte{' '}))
}

// arguments returns the arguments and the environment of a process, each entry ended by
// a NUL.
func arguments(pid int) (args, environ []byte) {
	raw, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(raw) < 4 {
		return nil, nil
	}
	count := int(binary.NativeEndian.Uint32(raw))
	_, rest, _ := bytes.Cut(raw[4:], []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	end := 0
	for range count {
		length := bytes.IndexByte(rest[end:], 0)
		if length < 0 {
			return nil, nil
		}
		end += length + 1
	}
	return rest[:end], rest[end:]
}
