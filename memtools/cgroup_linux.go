package memtools

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
	"sync"
)

// host is a machine as /proc and the cgroup mounts below root show it.
type host struct {
	root string

	mu    sync.Mutex // guards both below
	own   []byte     // /proc/self/cgroup when found was made
	found *cgroups
}

// cgroups are the cgroups above this process, the nearest first.
type cgroups struct {
	memory []cgroup
	cpu    []cgroup
}

// cgroup is one cgroup of one hierarchy.
type cgroup struct {
	version int    // 1 or 2
	path    string // as /proc/self/cgroup shows it
	dir     string // where its files are
}

// String returns "cgroup v2 /path".
func (c cgroup) String() string { return fmt.Sprintf("cgroup v%d %s", c.version, c.path) }

func (h *host) path(p string) string { return strings.TrimSuffix(h.root, "/") + p }

// cgroups returns the cgroups above this process. It looks for their folders
// once, and again when the process was moved to another cgroup.
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

// chain returns the cgroups above this process in the hierarchy that has the
// controller. In a hybrid set-up that is v1's, as v2 has the controllers that v1
// left to it.
func (h *host) chain(own, mountinfo []byte, controller string) []cgroup {
	paths, mounts := parseOwnCgroups(own), parseMounts(mountinfo)
	version, at := 1, slices.IndexFunc(paths, func(p ownCgroup) bool { return slices.Contains(p.controllers, controller) })
	if at < 0 {
		version, at = 2, slices.IndexFunc(paths, func(p ownCgroup) bool { return p.controllers == nil })
	}
	if at < 0 {
		return nil
	}
	rel, m, ok := pick(mounts, version, controller, paths[at].path)
	if !ok {
		return nil
	}
	var chain []cgroup
	for ; ; rel = path.Dir(rel) {
		dir := h.path(path.Join(m.point, rel))
		if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
			chain = append(chain, cgroup{version: version, path: path.Join(m.root, rel), dir: dir})
		}
		if rel == "/" {
			return chain
		}
	}
}

// pick returns the mount through which most of the way from own up to the root
// is seen, and own's path below it. Where own lies outside of every mount, as in
// a container that shares the host's cgroup namespace, the mount's own root is
// what bounds us and can be seen.
func pick(mounts []mount, version int, controller, own string) (rel string, best mount, ok bool) {
	for _, m := range mounts {
		if m.version != version || version == 1 && !slices.Contains(m.controllers, controller) {
			continue
		}
		below, inside := strings.CutPrefix(own, strings.TrimSuffix(m.root, "/"))
		inside = inside && (below == "" || below[0] == '/') && !strings.HasPrefix(own, "/..")
		switch {
		case inside && (!ok || rel == "" || len(m.root) < len(best.root)):
			rel, best, ok = path.Clean("/"+below), m, true
		case !ok:
			best, ok = m, true // the first, until one is found that own is inside of
		}
	}
	return path.Clean("/" + rel), best, ok
}

// ownCgroup is one line of /proc/self/cgroup.
type ownCgroup struct {
	controllers []string // nil for v2; "name=systemd" for a named hierarchy
	path        string
}

// parseOwnCgroups reads "4:cpu,cpuacct:/user/1" and "0::/user/1" (cgroups(7)).
func parseOwnCgroups(text []byte) []ownCgroup {
	var all []ownCgroup
	for line := range strings.Lines(string(text)) {
		_, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		names, own, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 || !strings.HasPrefix(own, "/") {
			continue
		}
		g := ownCgroup{path: own}
		if names != "" {
			g.controllers = strings.Split(names, ",")
		}
		all = append(all, g)
	}
	return all
}

// mount is one cgroup mount of mountinfo.
type mount struct {
	version     int
	controllers []string // of v1
	root        string   // the cgroup that is mounted
	point       string   // where
}

// parseMounts reads the cgroup mounts of proc_pid_mountinfo(5).
func parseMounts(text []byte) []mount {
	var all []mount
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 3 {
			continue
		}
		m := mount{root: unescape(f[3]), point: unescape(f[4])}
		switch g[0] {
		case "cgroup":
			m.version, m.controllers = 1, strings.Split(g[2], ",")
		case "cgroup2":
			m.version = 2
		default:
			continue
		}
		all = append(all, m)
	}
	return all
}

// unescape undoes the octal escapes of mountinfo, such as \040 for a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unlimited is where v1's limits begin that stand for none: the largest count of
// pages there is, in bytes.
const unlimited = 1 << 62

// readMemory reads the cgroup's limits, and its usage where it has a hard one.
// All zero but Version and Path where it has none.
func (c cgroup) readMemory() (Cgroup, error) {
	g := Cgroup{Version: c.version, Path: c.path}
	hard, soft, used, file := "memory.limit_in_bytes", "", "memory.usage_in_bytes", "total_"
	if c.version == 2 {
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
	stat, err := readOptional(c.dir + "/memory.stat")
	if err != nil {
		return g, err
	}
	active, _ := keyed(stat, file+"active_file")
	inactive, _ := keyed(stat, file+"inactive_file")
	g.Used = max(g.Used-Bytes(active)-Bytes(inactive), 0)
	return g, nil
}

// readBytes reads a file that holds one amount; zero where it is missing or says
// that there is no limit.
func (c cgroup) readBytes(name string) (Bytes, error) {
	text, err := readOptional(c.dir + "/" + name)
	if err != nil || text == nil || string(text) == "max" || string(text) == "-1" {
		return 0, err
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s/%s holds %q, which is no amount of memory", c.dir, name, text)
	}
	if n >= unlimited {
		return 0, nil
	}
	return Bytes(n), nil
}

// readQuota reads the cgroup's share of processor time in cores, zero for none.
func (c cgroup) readQuota() (float64, error) {
	var text []byte
	var err error
	if c.version == 2 {
		text, err = readOptional(c.dir + "/cpu.max")
	} else {
		var period []byte
		if text, err = readOptional(c.dir + "/cpu.cfs_quota_us"); err == nil && text != nil {
			period, err = readOptional(c.dir + "/cpu.cfs_period_us")
			text = append(append(text, ' '), period...)
		}
	}
	if err != nil || text == nil {
		return 0, err
	}
	quota, period, _ := strings.Cut(string(text), " ")
	if quota == "max" || quota == "-1" {
		return 0, nil
	}
	q, err1 := strconv.ParseUint(quota, 10, 64)
	p, err2 := strconv.ParseUint(period, 10, 64)
	if err1 != nil || err2 != nil || p == 0 {
		return 0, fmt.Errorf("%s holds %q, which is no quota of processor time", c.dir, text)
	}
	return float64(q) / float64(p), nil
}
