// Package cgroup finds the control groups of a process in the texts of the kernel:
// /proc/PID/cgroup (cgroups(7)) and /proc/PID/mountinfo, of version 1 and 2, and parses
// their files and those of the machine. It reads no file but through what it is given.
package cgroup

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// pick returns the mount that shows most of the way from own up to the root, and
// own's path below it. If own lies outside every mount, as in a container that
// shares the host's cgroup namespace, the mount's root is the nearest visible limit.
func pick(mounts []mount, version int, controller, own string) (rel string, best mount, ok bool) {
	for _, m := range mounts {
		if !m.has(version, controller) {
			continue
		}
		below, inside := strings.CutPrefix(own, strings.TrimSuffix(m.root, "/"))
		inside = inside && (below == "" || below[0] == '/') && !strings.HasPrefix(own, "/..")
		switch {
		case inside && (!ok || rel == "" || len(m.root) < len(best.root)):
			rel, best, ok = path.Clean("/"+below), m, true
		case !ok:
			best, ok = m, true // until one is found that contains own
		}
	}
	return path.Clean("/" + rel), best, ok
}

// own is one line of /proc/self/cgroup.
type own struct {
	controllers []string // nil for v2; "name=systemd" for a named hierarchy
	path        string
}

// parseOwn reads "4:cpu,cpuacct:/user/1" and "0::/user/1" (cgroups(7)).
func parseOwn(text []byte) []own {
	var all []own
	for line := range strings.Lines(string(text)) {
		_, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		names, at, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 || !strings.HasPrefix(at, "/") {
			continue
		}
		g := own{path: at}
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
	point       string   // the folder it is mounted on
}

// has reports whether the mount is of a hierarchy with the controller. Which ones version 2
// has is not told.
func (m mount) has(version int, controller string) bool {
	return m.version == version && (version == 2 || slices.Contains(m.controllers, controller))
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
