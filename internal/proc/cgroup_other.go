//go:build !linux

package proc

import (
	"os"
	"syscall"
)

func startIn(*syscall.SysProcAttr, *os.File) {}

func inCgroup(*syscall.SysProcAttr) bool { return false }
