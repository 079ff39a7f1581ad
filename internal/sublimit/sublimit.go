// Package sublimit finds the memory limits of cgroups that processes of a tree were put
// into, below the cgroup of this process: by systemd-run, by docker, or by the script that
// started them. It reads files of Linux; elsewhere it finds nothing.
package sublimit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/memtools"
)

// Limit is the memory limit of a cgroup. The zero value is none.
type Limit struct {
	// Size is the hard limit: memory.max, or memory.limit_in_bytes.
	Size memtools.Bytes
	// Name is the cgroup's, such as "cgroup v2 /build".
	Name string

	events string // the file with its count of kills
	kills  int64  // that count when it was found
}

// Killed reports whether the kernel has killed a process for the limit since it was found.
// It is false if the cgroup is gone.
func (l Limit) Killed() bool {
	now, ok := killCount(l.events)
	return ok && now > l.kills
}

// Find returns the smallest limit of a cgroup that the process pid, or one that it started,
// is in and this process is not. The zero value means that there is none smaller than
// those that bound this process. It takes some 0.1 ms for each process of the tree.
func Find(pid int) Limit { return host{""}.find(pid) }

// host is a machine whose files are below root.
type host struct{ root string }

func (h host) find(pid int) (found Limit) {
	own := h.read("/proc/self/cgroup")
	if len(own) == 0 {
		return found
	}
	var mounts []byte
	seen := [][]byte{own}
	for _, p := range h.tree(pid) {
		text := h.read(fmt.Sprintf("/proc/%d/cgroup", p))
		if len(text) == 0 || slices.ContainsFunc(seen, func(s []byte) bool { return bytes.Equal(s, text) }) {
			continue // it has ended, or nothing is new
		}
		if mounts == nil {
			mounts = h.read("/proc/self/mountinfo")
			found = h.smallest(own, mounts)
		}
		seen = append(seen, text)
		if l := h.smallest(text, mounts); l.Size > 0 && (found.Size == 0 || l.Size < found.Size) {
			found = l
		}
	}
	if bound := h.smallest(own, mounts); found.Size == bound.Size {
		return Limit{}
	}
	found.kills, _ = killCount(found.events)
	return found
}

// smallest returns the smallest limit above a process whose /proc/PID/cgroup is text.
func (h host) smallest(text, mountinfo []byte) (least Limit) {
	for _, g := range cgroup.Chain(text, mountinfo, "memory") {
		file, events := "memory.max", "memory.events"
		if g.Version == 1 {
			file, events = "memory.limit_in_bytes", "memory.oom_control"
		}
		n, ok := cgroup.Limit(h.read(path.Join(g.Dir, file)))
		if size := memtools.Bytes(n); ok && size > 0 && (least.Size == 0 || size < least.Size) {
			least = Limit{
				Size: size, Name: fmt.Sprintf("cgroup v%d %s", g.Version, g.Path),
				events: h.root + path.Join(g.Dir, events),
			}
		}
	}
	return least
}

// killCount reads how many processes the kernel has killed in a cgroup.
func killCount(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	return cgroup.Keyed(text, "oom_kill")
}

// tree returns a process and all that it started whose parents are alive. On a kernel
// without lists of children it is the process alone.
func (h host) tree(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		task := fmt.Sprintf("/proc/%d/task", all[i])
		threads, err := os.ReadDir(h.root + task)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		for _, t := range threads {
			for child := range strings.FieldsSeq(string(h.read(path.Join(task, t.Name(), "children")))) {
				if n, err := strconv.Atoi(child); err == nil {
					all = append(all, n)
				}
			}
		}
	}
	return all
}

// read returns a file's text, which is empty if it cannot be read.
func (h host) read(name string) []byte {
	text, err := os.ReadFile(h.root + name)
	if err != nil {
		return nil
	}
	return text
}
