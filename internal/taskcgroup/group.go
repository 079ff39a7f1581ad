package taskcgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/memtools"
)

// Group is the cgroup of one attempt at a task.
type Group struct {
	run       *Run
	dir, path string
	folder    *os.File
	slow      bool // it may be slowed down

	// By the lock of run:
	last Usage
	low  memtools.Bytes
	high string
}

// Usage is the memory of a cgroup.
type Usage struct {
	// Held is anonymous and shared memory, resident or swapped out.
	Held memtools.Bytes
	// Shared is the part of Held that is shared memory, mapped or not, and resident.
	Shared memtools.Bytes
	// Swapped is the part of Held that is in swap space only.
	Swapped memtools.Bytes
}

// Folder is the open folder of the cgroup, for a process to start in.
func (g *Group) Folder() *os.File { return g.folder }

// Usage reads the usage. It is false if the kernel does not tell it any more.
func (g *Group) Usage() (u Usage, ok bool) {
	stat, err := os.ReadFile(filepath.Join(g.dir, "memory.stat"))
	if err != nil {
		return u, false
	}
	anon, ok1 := cgroup.Keyed(stat, "anon")
	shmem, ok2 := cgroup.Keyed(stat, "shmem")
	cached, _ := cgroup.Keyed(stat, "swapcached") // these are in memory and in swap
	swap := int64(0)
	if text, err := os.ReadFile(filepath.Join(g.dir, "memory.swap.current")); err == nil {
		swap, _ = cgroup.Limit(text)
	}
	swap = max(swap-cached, 0)
	u = Usage{Held: memtools.Bytes(anon + shmem + swap), Shared: memtools.Bytes(shmem), Swapped: memtools.Bytes(swap)}
	if ok = ok1 && ok2; ok {
		g.run.mu.Lock()
		defer g.run.mu.Unlock()
		g.last = u
	}
	return u, ok
}

// Highest is the most memory that the cgroup has had: no usage without what was swapped out
// was higher. It includes file pages and the kernel's own. It is false with kernels before 5.19.
func (g *Group) Highest() (memtools.Bytes, bool) {
	text, err := os.ReadFile(filepath.Join(g.dir, "memory.peak"))
	n, ok := cgroup.Limit(text)
	return memtools.Bytes(n), err == nil && ok
}

// Kills is how many processes in the cgroup the kernel has killed for lack of memory. It
// is false if it cannot be read.
func (g *Group) Kills() (n int64, ok bool) {
	text, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return 0, false
	}
	return cgroup.Keyed(text, "oom_kill")
}

// Outside returns those of the processes that were put into other cgroups.
func (g *Group) Outside(pids []int) (outside []int) {
	text, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return nil
	}
	in := strings.Fields(string(text))
	for _, pid := range pids {
		if slices.Contains(in, strconv.Itoa(pid)) {
			continue
		}
		// It may have ended, or be in a cgroup that a script made inside of this one.
		own, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		_, at, found := strings.Cut("\n"+string(own), "\n0::")
		if at, _, _ = strings.Cut(at, "\n"); err == nil && found && !strings.HasPrefix(at+"/", g.path+"/") {
			outside = append(outside, pid)
		}
	}
	return outside
}

// Close removes the cgroup. One that a daemon has kept stays until the run ends.
func (g *Group) Close() {
	g.run.mu.Lock()
	defer g.run.mu.Unlock()
	g.run.groups = slices.DeleteFunc(g.run.groups, func(other *Group) bool { return other == g })
	_ = g.folder.Close()
	if os.Remove(g.dir) != nil { // its files need not be removed first
		_ = write(g.dir, "memory.high", "max") // it may be low for a task that is over
	}
}
