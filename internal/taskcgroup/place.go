package taskcgroup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/cgroup"
)

// place is where a run may make its cgroups.
type place struct {
	cgroup.Group // the cgroup in which they are made
	// alone is set if that is this process's own and holds no other. A cgroup whose
	// processes are counted one by one has none itself, so this process moves into
	// another one inside of it.
	alone bool
}

// host is a machine whose files are below root.
type host struct {
	root      string
	delegated func(dir string) bool // by systemd's mark
}

var thisHost = host{"", marked}

// find decides where the process pid, which is this one, may make cgroups. An error tells
// why it may not.
func (h host) find(pid int) (place, error) {
	own := h.read("/proc/self/cgroup")
	chain := cgroup.Chain([]byte(own), []byte(h.read("/proc/self/mountinfo")), "memory")
	if len(chain) == 0 || chain[0].Version != 2 {
		return place{}, errors.New("no cgroup of version 2 counts memory here")
	}
	x := chain[0]
	if !strings.Contains("\n"+own, "\n0::"+x.Path+"\n") {
		return place{}, errors.New("the cgroup of this process cannot be seen")
	}
	if h.isRoot(x.Dir) {
		return place{Group: x}, h.mayHold(chain, "")
	}
	inside := h.inside(x.Dir, pid)
	if inside == nil && slices.ContainsFunc(chain, func(g cgroup.Group) bool { return h.read(g.Dir+"/memory.oom.group") == "1\n" }) {
		// Nobody would be left to hand nothing down again, without which no process can enter it.
		inside = errors.New("the kernel kills all in the cgroup of this process at once")
	}
	if inside == nil {
		return place{x, true}, nil
	}
	if len(chain) > 1 && !h.limited(x.Dir) && h.mayHold(chain[1:], filepath.Base(x.Dir)) == nil {
		return place{Group: chain[1]}, nil
	}
	return place{}, inside
}

// inside returns nil if a cgroup holds nobody but this process.
func (h host) inside(dir string, pid int) error {
	switch {
	case h.read(dir+"/cgroup.procs") != strconv.Itoa(pid)+"\n":
		return errors.New("the cgroup of this process holds others too")
	case h.read(dir+"/cgroup.type") != "domain\n", len(h.children(dir)) > 0:
		return errors.New("the cgroup of this process is in use by others")
	case !h.hasMemory(dir + "/cgroup.controllers"):
		return errors.New("the cgroup of this process does not count memory")
	}
	return nil
}

// mayHold returns nil if the first cgroup of the chain may hold others beside the one
// called own, which changes nothing for what is in it.
func (h host) mayHold(chain []cgroup.Group, own string) error {
	dir := chain[0].Dir
	others := slices.DeleteFunc(h.children(dir), func(name string) bool { return name == own })
	busy := h.read(dir+"/cgroup.procs") != "" && !h.isRoot(dir)
	switch {
	case h.managed(chain, own):
		return errors.New("systemd has not delegated the cgroup of this process")
	case h.hasMemory(dir + "/cgroup.subtree_control"):
		return nil
	case busy, len(others) > 0, !h.hasMemory(dir + "/cgroup.controllers"):
		return errors.New("the cgroup above this process does not hand memory down")
	}
	return nil
}

// managed reports whether the first cgroup of the chain is systemd's own: only its manager
// writes there (systemd.io/CGROUP_DELEGATION). What it has delegated is marked, by newer
// versions, or is a service or a scope that holds a cgroup which is no unit. inner is the
// name of the cgroup inside of the first one.
func (h host) managed(chain []cgroup.Group, inner string) bool {
	if _, err := os.Stat(h.root + "/run/systemd/system"); err != nil {
		return false // as sd_booted(3)
	}
	for _, g := range chain {
		kind := filepath.Ext(g.Dir)
		switch {
		case h.delegated(h.root + g.Dir):
			return false
		case h.isRoot(g.Dir), kind == ".slice":
			return true
		case kind == ".service", kind == ".scope":
			return slices.Contains([]string{".slice", ".service", ".scope"}, filepath.Ext(inner))
		}
		inner = filepath.Base(g.Dir)
	}
	return false // the root of a container
}

// unlimited are the files of a cgroup's limits, with the first word of each that limits
// nothing.
var unlimited = map[string]string{
	"memory.max": "max", "memory.high": "max", "memory.swap.max": "max", "memory.oom.group": "0",
	"cpu.max": "max", "cpuset.cpus": "", "cpuset.mems": "", "io.max": "", "pids.max": "max",
}

// limited reports whether a cgroup has limits of its own. What is beside it escapes them.
func (h host) limited(dir string) bool {
	for file, none := range unlimited {
		text, err := os.ReadFile(h.root + filepath.Join(dir, file))
		word, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		if err == nil && word != none {
			return true
		}
	}
	return false
}

// isRoot reports whether a cgroup is the machine's root, which no limit bounds and which
// may have processes beside cgroups.
func (h host) isRoot(dir string) bool {
	_, err := os.Stat(h.root + dir + "/cgroup.type")
	return err != nil
}

func (h host) children(dir string) (names []string) {
	entries, _ := os.ReadDir(h.root + dir) // one that cannot be read cannot be written either
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func (h host) hasMemory(file string) bool {
	return slices.Contains(strings.Fields(h.read(file)), "memory")
}

// read returns a file's text, which is empty if it cannot be read.
func (h host) read(file string) string {
	text, _ := os.ReadFile(h.root + file)
	return string(text)
}
