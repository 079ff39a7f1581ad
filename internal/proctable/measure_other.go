//go:build !linux

package proctable

import (
	"errors"
	"os"
	"strings"
)

// Measured is a process that is measured again and again.
type Measured struct{ figures }

// Measure reads the memory of m, whose PID is set, and fills in all that may have
// changed. It returns os.ErrProcessDone if the process has ended.
func (t *Table) Measure(m *Measured) error {
	start := m.Start
	if err := t.Identify(&m.Process); err != nil {
		return err
	}
	if start != 0 && m.Start != start {
		return os.ErrProcessDone // the PID is another's now
	}
	if m.Zombie {
		m.Usage, m.RSS = 0, 0
		return nil
	}
	if err := measure(m); err != nil {
		return err
	}
	m.Command = strings.ToValidUTF8(m.Command[:min(len(m.Command), LongestCommand)], "")
	return nil
}

// MeasureCPU does nothing.
func (*Table) MeasureCPU(*Measured) {}

// Share returns errors.ErrUnsupported: shared pages count in each process.
func (*Table) Share(int) (Share, error) { return Share{}, errors.ErrUnsupported }

// Forget does nothing.
func (*Table) Forget(*Measured) {}

// ShmemFile identifies a file that is held in memory: none is found here.
type ShmemFile struct{}
