package proctable

import (
	"fmt"
	"os"
)

// Signal sends sig to exactly this process. It returns os.ErrProcessDone if the
// process has ended, even if another one has its PID now.
func Signal(id Identity, sig os.Signal) error {
	if id.PID <= 0 {
		return fmt.Errorf("signal process %d: %w", id.PID, os.ErrInvalid) // kill(2) means groups by these
	}
	// FindProcess holds the process if the system can (a pidfd), so the process
	// that is compared next is also the one that gets the signal.
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("signal process %d: %w", id.PID, err)
	}
	defer func() { _ = p.Release() }()
	if id.Start != 0 {
		now, err := Lookup(id.PID)
		if err != nil {
			return err
		}
		if now.Start != id.Start {
			return fmt.Errorf("signal process %d: %w", id.PID, os.ErrProcessDone)
		}
	}
	return p.Signal(sig)
}
