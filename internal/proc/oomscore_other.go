//go:build !linux

package proc

// raiseOOMScore does nothing: only Linux has such a score.
func raiseOOMScore(int, int) {}
