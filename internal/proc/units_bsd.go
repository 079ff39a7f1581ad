//go:build unix && !linux

package proc

const (
	maxRSSUnit    = 1          // ru_maxrss counts bytes: macOS, getrusage(2)
	bytesReadable = 0x4004667f // FIONREAD of sys/filio.h
)
