package proctable

import (
	"errors"
	"os"
)

// measure reads the physical footprint. gopsutil would start ps for each process: it is
// asked only about other users' processes, which ps may read.
func measure(m *Measured) error {
	physical, resident, err := footprint(m.PID)
	if errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err != nil {
		return measureRSS(m)
	}
	m.Usage, m.RSS = physical, resident
	if m.Command == "" {
		m.Command = command(m.PID)
	}
	return nil
}
