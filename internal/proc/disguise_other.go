//go:build unix && !linux

package proc

// disguise does nothing: only its first argument gives the reaper a name of its own.
func disguise() {}
