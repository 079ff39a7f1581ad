package memtools

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/cgroup"
)

// host is a machine as /proc and the cgroup mounts under root show it.
type host struct {
	root string

	mu    sync.Mutex // guards both below
	own   []byte     // /proc/self/cgroup when found was made
	found *cgroups
}

// cgroups are the cgroups above this process, the nearest first.
type cgroups struct {
	memory []group
	cpu    []group
}

// group is one cgroup whose files can be read.
type group struct{ cgroup.Group }

// String returns "cgroup v2 /path".
func (c group) String() string { return fmt.Sprintf("cgroup v%d %s", c.Version, c.Path) }

func (h *host) path(p string) string { return strings.TrimSuffix(h.root, "/") + p }

// cgroups returns the cgroups above this process. It looks for their folders once,
// and again if the process was moved to another cgroup.
func (h *host) cgroups() (*cgroups, error) {
	own, err := readOptional(h.path("/proc/self/cgroup"))
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.found != nil && bytes.Equal(own, h.own) {
		return h.found, nil
	}
	mounts, err := readOptional(h.path("/proc/self/mountinfo"))
	if err != nil {
		return nil, err
	}
	found := &cgroups{memory: h.chain(own, mounts, "memory"), cpu: h.chain(own, mounts, "cpu")}
	h.own, h.found = own, found
	return found, nil
}

// chain returns the cgroups above this process whose folders are there.
func (h *host) chain(own, mountinfo []byte, controller string) (chain []group) {
	groups := cgroup.OuterChain(own, mountinfo, controller, os.Getpid(), os.DirFS(h.path("/")))
	if groups == nil {
		groups = cgroup.Chain(own, mountinfo, controller)
	}
	for _, g := range groups {
		g.Dir = h.path(g.Dir)
		if _, err := os.Stat(g.Dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
			chain = append(chain, group{g})
		}
	}
	return chain
}

// readMemory reads the cgroup's limits, and its usage if it has one. Without a
// limit only Version and Path are set.
func (c group) readMemory() (Cgroup, error) {
	g := Cgroup{Version: c.Version, Path: c.Path}
	hard, soft, used, file := "memory.limit_in_bytes", "", "memory.usage_in_bytes", "total_"
	if c.Version == 2 {
		hard, soft, used, file = "memory.max", "memory.high", "memory.current", ""
	}
	var err error
	if g.Limit, err = c.readBytes(hard); err != nil {
		return g, err
	}
	if soft != "" {
		if g.Soft, err = c.readBytes(soft); err != nil {
			return g, err
		}
	}
	if g.Limit == 0 && g.Soft == 0 {
		return g, nil
	}
	if g.Used, err = c.readBytes(used); err != nil {
		return g, err
	}
	stat, err := readOptional(c.Dir + "/memory.stat")
	if err != nil {
		return g, err
	}
	active, _ := cgroup.Keyed(stat, file+"active_file")
	inactive, _ := cgroup.Keyed(stat, file+"inactive_file")
	g.Used = max(g.Used-Bytes(active)-Bytes(inactive), 0)
	return g, nil
}

// readBytes reads a file with one amount. It returns zero if the file is missing or
// there is no limit.
func (c group) readBytes(name string) (Bytes, error) {
	text, err := readOptional(c.Dir + "/" + name)
	if err != nil || text == nil {
		return 0, err
	}
	n, ok := cgroup.Limit(text)
	if !ok {
		return 0, fmt.Errorf("%s/%s holds %q, which is not an amount of memory", c.Dir, name, text)
	}
	return Bytes(n), nil
}

// swap returns how much swap space the cgroup leaves of what the others leave. g is what
// readMemory returned.
func (c group) swap(g Cgroup, others Bytes) (Bytes, error) {
	limit, used := "memory.swap.max", "memory.swap.current"
	if c.Version == 1 { // these count memory as well
		limit, used = "memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes"
		if swappiness, _ := readOptional(c.Dir + "/memory.swappiness"); string(swappiness) == "0" {
			return 0, nil
		}
	}
	text, err := readOptional(c.Dir + "/" + limit)
	if err != nil || text == nil || others == 0 {
		return others, err
	}
	most, ok := cgroup.Limit(text)
	if !ok || most == 0 && string(text) != "0" {
		return others, nil // no limit
	}
	had, err := c.readBytes(used)
	if c.Version == 1 {
		had += g.available(Bytes(most))
	}
	return min(others, max(Bytes(most)-had, 0)), err
}

// readQuota reads the cgroup's quota of processor time in cores, zero for none.
func (c group) readQuota() (float64, error) {
	var text []byte
	var err error
	if c.Version == 2 {
		text, err = readOptional(c.Dir + "/cpu.max")
	} else {
		var period []byte
		if text, err = readOptional(c.Dir + "/cpu.cfs_quota_us"); err == nil && text != nil {
			period, err = readOptional(c.Dir + "/cpu.cfs_period_us")
			text = append(append(text, ' '), period...)
		}
	}
	if err != nil || text == nil {
		return 0, err
	}
	cores, ok := cgroup.Quota(text)
	if !ok {
		return 0, fmt.Errorf("%s holds %q, which is not a quota of processor time", c.Dir, text)
	}
	return cores, nil
}
