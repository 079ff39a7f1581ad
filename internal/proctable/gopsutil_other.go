//go:build !linux

package proctable

import (
	"fmt"
	"os"

	"github.com/shirou/gopsutil/v3/process"
)

// measureRSS asks gopsutil for the resident set, and once for the command line.
func measureRSS(m *Measured) error {
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
	}
	return nil
}

// ended returns os.ErrProcessDone if p could not be read because it has ended,
// else err.
func ended(p *process.Process, err error) error {
	if running, e := p.IsRunning(); e == nil && !running {
		return os.ErrProcessDone
	}
	return fmt.Errorf("read process %d: %w", p.Pid, err)
}
