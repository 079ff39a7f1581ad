package cgroup

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// Group is one cgroup of one hierarchy.
type Group struct {
	Version int    // 1 or 2
	Path    string // as /proc/PID/cgroup shows it
	Dir     string // of its files
}

// Chain returns the cgroups above a process in the hierarchy of the controller, the
// nearest first, from the texts of its /proc/PID/cgroup and of mountinfo. In a hybrid
// set-up that is v1's if it has the controller: v2 gets the rest.
func Chain(membership, mountinfo []byte, controller string) []Group {
	paths, mounts := parseOwn(membership), parseMounts(mountinfo)
	version, at := 1, slices.IndexFunc(paths, func(p own) bool { return slices.Contains(p.controllers, controller) })
	if at < 0 {
		version, at = 2, slices.IndexFunc(paths, func(p own) bool { return p.controllers == nil })
	}
	if at < 0 {
		return nil
	}
	rel, m, ok := pick(mounts, version, controller, paths[at].path)
	if !ok {
		return nil
	}
	var chain []Group
	for ; ; rel = path.Dir(rel) {
		chain = append(chain, Group{Version: version, Path: path.Join(m.root, rel), Dir: path.Join(m.point, rel)})
		if rel == "/" {
			return chain
		}
	}
}

// unlimited is the least value of a v1 limit that means none: v1 writes the largest
// number of pages, in bytes.
const unlimited = 1 << 62

// Limit reads a limit or a usage in bytes. It is zero if there is no limit, and false if
// the text is not an amount of memory.
func Limit(text []byte) (n int64, ok bool) {
	s := strings.TrimSpace(string(text))
	if s == "max" || s == "-1" {
		return 0, true
	}
	u, err := strconv.ParseUint(s, 10, 64)
	if u >= unlimited {
		return 0, err == nil
	}
	return int64(u), err == nil
}
