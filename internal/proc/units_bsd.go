//go:build unix && !linux

package proc

import (
	"os"
	"syscall"

	"github.com/heapmage/heapmage/memtools"
)

const (
	maxRSSUnit    = 1          // ru_maxrss counts bytes: macOS, getrusage(2)
	bytesReadable = 0x4004667f // FIONREAD of sys/filio.h
)

func startIn(*syscall.SysProcAttr, *os.File) {}

// carriedOver is zero: a child's figure is the child's alone.
func carriedOver() memtools.Bytes { return 0 }
