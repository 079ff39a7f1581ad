//go:build !linux

package proctable

// Measured is a process that is measured again and again.
type Measured struct{ figures }
