//go:build !linux && !darwin

package memtools

func readAvailable() (Bytes, error) { return readVirtual() }
