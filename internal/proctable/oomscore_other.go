//go:build !linux

package proctable

// RaiseOOMScore does nothing: only Linux has such a score.
func RaiseOOMScore(int, int) {}
