//go:build !linux && !darwin && !windows

package proctable

import "errors"

// Table is empty: there is no reader for this system's process table.
type Table struct{}

// Open returns errors.ErrUnsupported.
func Open() (*Table, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Table) Close() error { return nil }

// Lookup returns errors.ErrUnsupported.
func Lookup(int) (Process, error) { return Process{}, errors.ErrUnsupported }

// All returns errors.ErrUnsupported.
func (*Table) All() ([]Process, error) { return nil, errors.ErrUnsupported }

// List returns errors.ErrUnsupported.
func (*Table) List(to []Listed) ([]Listed, error) { return to, errors.ErrUnsupported }

// Identify returns errors.ErrUnsupported.
func (*Table) Identify(*Process) error { return errors.ErrUnsupported }

// Environ returns nil.
func (*Table) Environ(int) (environ []byte, settled bool) { return nil, true }
