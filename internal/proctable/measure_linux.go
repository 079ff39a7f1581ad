package proctable

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Measured is a process that is measured again and again.
type Measured struct {
	figures
	name string // the program's, to notice an exec
	kept int    // descriptor of its status, plus one; zero for none
}

// Measure reads the memory of m, whose PID and Start are set, and fills in all
// that may have changed, but not CPU. It returns os.ErrProcessDone if the process
// has ended and ErrNoFiles if no descriptor is left.
func (t *Table) Measure(m *Measured) error {
	text, err := t.status(m)
	if err != nil {
		return err
	}
	s, ok := parseStatus(text)
	if !ok {
		return badFile(m.PID, "status")
	}
	m.Zombie = s.dead && s.threads <= 1
	m.PPID = s.ppid
	if s.group > 0 { // kernels before 4.1 do not tell
		m.Group, m.Session = s.group, s.session
	}
	if string(s.name) != m.name || m.Command == "" { // it runs another program now
		m.name = string(s.name)
		m.Command = m.name
		if text, err := t.read(m.PID, "cmdline"); err == nil {
			if command := commandLine(text); command != "" {
				m.Command = command
			}
		}
	}
	if s.dead && s.threads > 1 {
		s = t.livingThread(m.PID, s)
	}
	m.Usage, m.Shmem, m.RSS, m.MaxRSS = s.usage(), s.shmem, s.rss, max(s.rss, s.maxRSS)
	return nil
}

// MeasureCPU reads the processor time of m. It costs about as much as Measure. If
// it cannot be read CPU stays as it is.
func (t *Table) MeasureCPU(m *Measured) {
	text, err := t.read(m.PID, "stat")
	if err != nil {
		return
	}
	if p, cpu, children, ok := parseStat(text); ok && p.Start == m.Start {
		m.CPU, m.ChildCPU, m.Image = cpu, children, p.Image
	}
}

// Share reads the share of a process. It takes some 3 ms for each GB that is resident,
// during which the process cannot change its mappings. The error is errors.ErrUnsupported
// before Linux 5.4, and one of openat(2) if the process belongs to another user.
func (t *Table) Share(pid int) (Share, error) {
	text, err := t.read(pid, "smaps_rollup")
	if err != nil {
		return Share{}, err
	}
	s, ok := parseRollup(text)
	if !ok {
		return Share{}, errors.ErrUnsupported
	}
	return s, nil
}

// OwnMaxRSS returns the highest resident set of this process so far in bytes, or zero if
// the system does not tell it.
func OwnMaxRSS() int64 {
	text, err := ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	s, _ := parseStatus(text)
	return s.maxRSS
}

// livingThread returns the status of another thread. The main thread's shows no
// memory once that thread has ended alone.
func (t *Table) livingThread(pid int, main status) status {
	for _, tid := range t.otherThreads(pid) {
		text, err := t.read(pid, "task/"+strconv.Itoa(tid)+"/status")
		if err != nil {
			continue
		}
		if s, ok := parseStatus(text); ok && !s.dead {
			return s
		}
	}
	return main
}

// status returns the text of the process's status, from a kept descriptor if one
// more may be kept.
func (t *Table) status(m *Measured) ([]byte, error) {
	if m.kept == 0 && t.kept >= t.MostKept {
		return t.read(m.PID, "status")
	}
	if m.kept == 0 {
		fd, err := t.open(m.PID, "status")
		if err != nil {
			return nil, err
		}
		t.kept++
		m.kept = fd + 1
	}
	return t.readAll(m.kept - 1)
}

// Forget closes what is kept for m. It can be measured again.
func (t *Table) Forget(m *Measured) {
	if m.kept > 0 {
		_ = unix.Close(m.kept - 1)
		t.kept--
		m.kept = 0
	}
}
