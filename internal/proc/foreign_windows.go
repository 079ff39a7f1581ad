package proc

import (
	"errors"

	"github.com/heapmage/heapmage/internal/proctable"
)

// Foreign is the tree of a process that others started. On Windows it can only be looked at.
type Foreign struct{}

// Adopt returns the tree of a process.
func Adopt(proctable.Identity) *Foreign { return &Foreign{} }

// Suspend returns errors.ErrUnsupported.
func (*Foreign) Suspend() error { return errors.ErrUnsupported }

// Resume does nothing.
func (*Foreign) Resume() error { return nil }

// Kill does nothing.
func (*Foreign) Kill() {}
