//go:build unix && !linux && !darwin

package proc

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Without a process table only the process group is ended.

func processTable() ([]entry, error) { return nil, errors.ErrUnsupported }

func lookUp(int) (entry, bool) { return entry{}, false }

func environ(int) ([]byte, bool) { return nil, true }

func executablePath(int) string { return "" }

func signalOne(entry, unix.Signal) error { return errors.ErrUnsupported }

func raiseOOMScore(int, int) {}

func selfPath() (string, error) { return os.Executable() }
