package proc

import "golang.org/x/sys/unix"

const (
	maxRSSUnit    = 1024 // ru_maxrss counts KB: getrusage(2)
	bytesReadable = unix.TIOCINQ
)
