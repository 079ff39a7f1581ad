package proc

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processTable reads the process table. It is whole at no moment: who signals
// from it compares the start again, and looks again.
func processTable() ([]entry, error) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	_ = d.Close()
	if err != nil {
		return nil, err
	}
	table := make([]entry, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if e, ok := lookUp(pid); ok {
				table = append(table, e)
			}
		}
	}
	return table, nil
}

// lookUp reads one process. It is false where there is none (any more).
func lookUp(pid int) (entry, bool) {
	var buf [1024]byte // a stat line is at most about 500 bytes
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return entry{}, false
	}
	n, err := unix.Read(fd, buf[:])
	_ = unix.Close(fd)
	if err != nil {
		return entry{}, false
	}
	return parseStat(buf[:n])
}

const kernelThread = 0x00200000 // PF_KTHREAD of include/linux/sched.h

// parseStat parses /proc/PID/stat (proc_pid_stat(5)). The name in parentheses
// is the process's own choice and may hold spaces and parentheses.
func parseStat(line []byte) (e entry, ok bool) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return entry{}, false
	}
	f := bytes.Fields(line[end+1:])
	if len(f) < 20 { // f[0] is field 3 of the manual page
		return entry{}, false
	}
	var errs [6]error
	e.pid, errs[0] = strconv.Atoi(string(bytes.TrimSpace(line[:open])))
	e.ppid, errs[1] = strconv.Atoi(string(f[1]))
	e.group, errs[2] = strconv.Atoi(string(f[2]))
	e.session, errs[3] = strconv.Atoi(string(f[3]))
	e.start, errs[4] = strconv.ParseUint(string(f[19]), 10, 64)
	flags, err := strconv.ParseUint(string(f[6]), 10, 64)
	errs[5] = err
	e.kernel = flags&kernelThread != 0
	e.zombie = f[0][0] == 'Z' || f[0][0] == 'X'
	return e, errors.Join(errs[:]...) == nil
}

// environ reads the environment that a process was started with; nil where we
// may not. It is not settled while an exec is under way (the kernel has put the
// new program's memory in place and not yet noted where arguments and
// environment are in it), nor while a process ends (its memory has gone, its
// open files have not).
func environ(pid int) (env []byte, settled bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	env, err := os.ReadFile(dir + "/environ")
	if err != nil {
		return nil, !errors.Is(err, unix.ESRCH)
	}
	if len(env) > 0 {
		return env, true
	}
	args, err := os.ReadFile(dir + "/cmdline")
	return nil, err == nil && len(args) > 0
}

// executablePath is the file that a process runs, or "".
func executablePath(pid int) string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// signalOne signals e, and never another process that got its id since.
func signalOne(e entry, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(e.pid, 0)
	if err == nil {
		defer func() { _ = unix.Close(fd) }()
	} else if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return err
	}
	if now, ok := lookUp(e.pid); !ok || now.start != e.start {
		return unix.ESRCH
	}
	if err != nil { // no pidfds here: the best that is left
		return unix.Kill(e.pid, sig)
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// raiseOOMScore makes pid, and children that it may have by now, a likelier
// victim than this process by that much. Most pods of Kubernetes begin far above
// zero (up to 1000), so that a figure of its own could make the child the safer
// one. To raise the figure needs no privilege; where it fails the system's choice
// stays what it was.
func raiseOOMScore(pid, by int) {
	text, _ := os.ReadFile("/proc/self/oom_score_adj")
	own, _ := strconv.Atoi(string(bytes.TrimSpace(text))) // zero where it cannot be read
	setOOMScoreAdj(pid, min(own+by, 1000))
}

func setOOMScoreAdj(pid, adj int) {
	p := strconv.Itoa(pid)
	_ = os.WriteFile("/proc/"+p+"/oom_score_adj", strconv.AppendInt(nil, int64(adj), 10), 0)
	children, _ := os.ReadFile("/proc/" + p + "/task/" + p + "/children")
	for _, f := range bytes.Fields(children) {
		if child, err := strconv.Atoi(string(f)); err == nil {
			setOOMScoreAdj(child, adj)
		}
	}
}

// selfPath is this program's own file, also when it was replaced or removed.
func selfPath() (string, error) { return "/proc/self/exe", nil }
