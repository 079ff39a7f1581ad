package proc

import (
	"os"
	"syscall"
)

// startIn has a command start in a cgroup.
func startIn(a *syscall.SysProcAttr, cgroup *os.File) {
	if cgroup != nil {
		a.UseCgroupFD, a.CgroupFD = true, int(cgroup.Fd())
	}
}

func inCgroup(a *syscall.SysProcAttr) bool { return a.UseCgroupFD }
