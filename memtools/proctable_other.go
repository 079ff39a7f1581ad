//go:build !linux

package memtools

import (
	"fmt"
	"strings"

	"github.com/shirou/gopsutil/v3/process"
)

// foreign is the process table of a system other than Linux, as gopsutil reads
// it. Usage is the resident set there.
type foreign struct{}

func openTable() (table, error) { return foreign{}, nil }

func (foreign) list(to []listed) ([]listed, error) {
	pids, err := process.Pids()
	for _, pid := range pids {
		to = append(to, listed{pid: int(pid)})
	}
	return to, err
}

func (foreign) identify(e *entry) error {
	p, err := find(e.pid)
	if err != nil {
		return err
	}
	start, err := p.CreateTime()
	if err != nil {
		return ended(p, err)
	}
	parent, err := p.Ppid()
	if err != nil {
		return ended(p, err)
	}
	e.start, e.ppid, e.pgid = uint64(start), int(parent), processGroup(e.pid)
	e.zombie = isZombie(p)
	return nil
}

// readMarker leaves the marker empty where the system does not show another
// process's environment, as macOS does not to gopsutil.
func (foreign) readMarker(e *entry) {
	p, err := find(e.pid)
	if err != nil {
		return
	}
	entries, err := p.Environ()
	if err != nil {
		return
	}
	for _, entry := range entries {
		if value, ok := strings.CutPrefix(entry, MarkerEnv+"="); ok {
			e.marker = value
			return
		}
	}
}

func (t foreign) measure(e *entry) error {
	start, known := e.start, e.start != 0
	if err := t.identify(e); err != nil {
		return err
	}
	if known && e.start != start {
		return errGone // the PID is another's now
	}
	if e.zombie {
		e.usage, e.rss = 0, 0
		return nil
	}
	p, err := find(e.pid)
	if err != nil {
		return err
	}
	m, err := p.MemoryInfo()
	if err != nil {
		return ended(p, err)
	}
	e.usage, e.rss = Bytes(m.RSS), Bytes(m.RSS)
	if e.cmd == "" {
		if e.cmd, err = p.Cmdline(); err != nil || e.cmd == "" {
			e.cmd, _ = p.Name()
		}
		e.cmd = strings.ToValidUTF8(e.cmd[:min(len(e.cmd), 200)], "")
	}
	return nil
}

func (foreign) time(*entry) {}

func (foreign) forget(*entry) {}

func (foreign) close() error { return nil }

func find(pid int) (*process.Process, error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return nil, errGone
	}
	return p, nil
}

// ended returns errGone where p has ended, which is why it could not be read,
// else err.
func ended(p *process.Process, err error) error {
	if running, e := p.IsRunning(); e == nil && !running {
		return errGone
	}
	return fmt.Errorf("read process %d: %w", p.Pid, err)
}

func isZombie(p *process.Process) bool {
	states, err := p.Status()
	return err == nil && len(states) > 0 && states[0] == process.Zombie
}
