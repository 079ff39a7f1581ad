//go:build unix && !linux

package proc

import (
	"os"
	"syscall"
)

func startIn(*syscall.SysProcAttr, *os.File) {}
