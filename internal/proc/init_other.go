//go:build !linux

package proc

// RunAsInit returns: only Linux has containers in which this program can be process 1.
func RunAsInit() {}
