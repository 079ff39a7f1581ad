//go:build !linux

package main

import (
	"errors"
	"os"

	"github.com/heapmage/heapmage/memtools"
)

// cage is a cgroup with a memory limit. Only Linux has them.
type cage struct{}

func newCage(memtools.Bytes) (*cage, error) {
	return nil, errors.New("this benchmark limits memory by cgroups, which only Linux has")
}

func (*cage) command(command []string) []string           { return command }
func (*cage) sample(func([]string) role) ([]usage, error) { return nil, errors.ErrUnsupported }
func (*cage) result() (kept, error)                       { return kept{}, errors.ErrUnsupported }
func (*cage) close() (int, error)                         { return 0, errors.ErrUnsupported }

// maxResident is not asked for where there is no cage.
func maxResident(*os.ProcessState) memtools.Bytes { return 0 }
