//go:build !linux

package memtools

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/shirou/gopsutil/v3/process"

	"github.com/heapmage/heapmage/internal/proctable"
)

// foreign is the process table of a system other than Linux. gopsutil measures;
// usage is the resident set.
type foreign struct{ *proctable.Table }

func openTable() (table, error) {
	t, err := proctable.Open()
	if err != nil {
		return nil, err
	}
	return foreign{t}, nil
}

// Environ asks gopsutil where the table has no call for it, as on Windows.
func (f foreign) Environ(pid int) (environ []byte, settled bool) {
	if environ, settled = f.Table.Environ(pid); len(environ) > 0 || !settled {
		return environ, settled
	}
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return nil, true
	}
	entries, err := p.Environ()
	if err != nil {
		return nil, true
	}
	return []byte(strings.Join(entries, "\x00") + "\x00"), true
}

// Share is unknown: the resident set counts shared pages in each process.
func (foreign) Share(int) (proctable.Share, error) { return proctable.Share{}, errors.ErrUnsupported }

func (f foreign) Measure(m *proctable.Measured) error {
	start := m.Start
	if err := f.Identify(&m.Process); err != nil {
		return err
	}
	if start != 0 && m.Start != start {
		return os.ErrProcessDone // the PID is another's now
	}
	if m.Zombie {
		m.Usage, m.RSS = 0, 0
		return nil
	}
	p, err := process.NewProcess(int32(m.PID))
	if err != nil {
		return os.ErrProcessDone
	}
	memory, err := p.MemoryInfo()
	if err != nil {
		return ended(p, err)
	}
	m.Usage, m.RSS = int64(memory.RSS), int64(memory.RSS)
	if m.Command == "" {
		if m.Command, err = p.Cmdline(); err != nil || m.Command == "" {
			m.Command, _ = p.Name()
		}
		m.Command = strings.ToValidUTF8(m.Command[:min(len(m.Command), proctable.LongestCommand)], "")
	}
	return nil
}

func (foreign) MeasureCPU(*proctable.Measured) {}

func (foreign) Forget(*proctable.Measured) {}

// ended returns os.ErrProcessDone if p could not be read because it has ended,
// else err.
func ended(p *process.Process, err error) error {
	if running, e := p.IsRunning(); e == nil && !running {
		return os.ErrProcessDone
	}
	return fmt.Errorf("read process %d: %w", p.Pid, err)
}
