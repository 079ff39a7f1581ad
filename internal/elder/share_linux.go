package elder

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/memtools"
)

// places are the folders in which marks are left. Not TMPDIR: two runs may differ in it.
var places = []string{"/tmp", "/dev/shm"}

// ownedAs reports whether a mark belongs to the user of its process.
func (m mark) ownedAs(info fs.FileInfo) bool {
	process, err := os.Stat(filepath.Join("/proc", strconv.Itoa(m.PID)))
	if err != nil {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	user, ok2 := process.Sys().(*syscall.Stat_t)
	return ok && ok2 && owner.Uid == user.Uid
}

// memory is a cgroup with a limit, or the whole machine.
type memory struct {
	cgroup.Group // of the machine: the zero value
	mountinfo    []byte
}

// shortest is the memory of which the least is available.
func shortest() *memory {
	limits, err := memtools.ReadLimits()
	if err != nil {
		return &memory{}
	}
	for _, c := range limits.Cgroups {
		if c.Limit > 0 && max(c.Limit-c.Used, 0) <= limits.Available {
			mountinfo, _ := os.ReadFile("/proc/self/mountinfo") // without it no process is found inside
			return &memory{cgroup.Group{Version: c.Version, Path: c.Path}, mountinfo}
		}
	}
	return &memory{}
}

// holds reports whether a process takes from the memory.
func (m *memory) holds(pid int) bool {
	if m.Version == 0 {
		return true
	}
	membership, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return false
	}
	for _, g := range cgroup.Chain(membership, m.mountinfo, "memory") {
		if g.Version == m.Version && g.Path == m.Path {
			return true
		}
	}
	return false
}
