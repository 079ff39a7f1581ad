//go:build !linux

package cage

import (
	"errors"
	"os"

	"github.com/heapmage/heapmage/memtools"
)

// Cage is a cgroup with a memory limit. Only Linux has them.
type Cage struct{}

// New returns an error.
func New(memtools.Bytes) (*Cage, error) {
	return nil, errors.New("cannot limit memory: only Linux has cgroups")
}

// Command, Sample, Counted and Close complete the type: New never returns one.
func (*Cage) Command(command []string) []string { return command }
func (*Cage) Sample() ([]Process, error)        { return nil, errors.ErrUnsupported }
func (*Cage) Counted() (Counted, error)         { return Counted{}, errors.ErrUnsupported }
func (*Cage) Close() (int, error)               { return 0, errors.ErrUnsupported }

// MaxResident is only called for a process of a cage.
func MaxResident(*os.ProcessState) memtools.Bytes { return 0 }
