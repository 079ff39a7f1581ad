//go:build unix && !linux && !darwin

package proctable

// Executable returns "".
func Executable(int) string { return "" }
