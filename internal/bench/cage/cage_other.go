//go:build !linux

package cage

import (
	"errors"
	"os"

	"github.com/heapmage/heapmage/memtools"
)

// Cage is a cgroup with a memory limit. Only Linux has them.
type Cage struct{ never }

// New returns an error.
func New(memtools.Bytes) (*Cage, error) {
	return nil, errors.New("cannot limit memory: only Linux has cgroups")
}

// never has the methods of a cage. New never returns one.
type never struct{}

func (never) Command(command []string) []string { return command }
func (never) Join() string                      { return ":" }
func (never) Held() (memtools.Bytes, error)     { return 0, errors.ErrUnsupported }
func (never) Sample() ([]Process, error)        { return nil, errors.ErrUnsupported }
func (never) Counted() (Counted, error)         { return Counted{}, errors.ErrUnsupported }
func (never) Close() (int, error)               { return 0, errors.ErrUnsupported }

// MaxResident is only called for a process of a cage.
func MaxResident(*os.ProcessState) memtools.Bytes { return 0 }
