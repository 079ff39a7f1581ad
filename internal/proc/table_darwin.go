package proc

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

const stateZombie = 5 // SZOMB of sys/proc.h

func processTable() ([]entry, error) {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	table := make([]entry, len(procs))
	for i := range procs {
		table[i] = fromKinfo(&procs[i])
	}
	return table, nil
}

func lookUp(pid int) (entry, bool) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(k.Proc.P_pid) != pid {
		return entry{}, false
	}
	return fromKinfo(k), true
}

func fromKinfo(k *unix.KinfoProc) entry {
	e := entry{
		pid: int(k.Proc.P_pid), ppid: int(k.Eproc.Ppid), group: int(k.Eproc.Pgid),
		start:  uint64(k.Proc.P_starttime.Nano()),
		zombie: k.Proc.P_stat == stateZombie,
	}
	if sid, err := unix.Getsid(e.pid); err == nil {
		e.session = sid
	}
	return e
}

// environ reads the environment of a process from kern.procargs2: the number of
// arguments, the path, the arguments and the environment, each ended by NULs.
// The system hides it for its own, protected programs.
func environ(pid int) (env []byte, settled bool) {
	raw, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(raw) < 4 {
		return nil, true
	}
	args := int(binary.NativeEndian.Uint32(raw))
	_, rest, _ := bytes.Cut(raw[4:], []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	for range args {
		var ok bool
		if _, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
			return nil, true
		}
	}
	return rest, true
}

// executablePath is the file that a process runs, or "".
func executablePath(pid int) string {
	raw, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(raw) < 4 {
		return ""
	}
	path, _, _ := bytes.Cut(raw[4:], []byte{0})
	return string(path)
}

func signalOne(e entry, sig unix.Signal) error {
	if now, ok := lookUp(e.pid); !ok || now.start != e.start {
		return unix.ESRCH
	}
	return unix.Kill(e.pid, sig)
}

func raiseOOMScore(int, int) {}

func selfPath() (string, error) { return os.Executable() }
