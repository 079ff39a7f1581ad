//go:build !linux

package proc

import "syscall"

func inCgroup(*syscall.SysProcAttr) bool { return false }
