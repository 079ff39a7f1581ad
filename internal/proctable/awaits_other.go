//go:build !linux

package proctable

// AwaitsInput is true: it cannot be told.
func AwaitsInput(Identity) bool { return true }
