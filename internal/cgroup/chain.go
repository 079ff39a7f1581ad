package cgroup

import (
	"io/fs"
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
	version, own, ok := hierarchy(membership, controller)
	if !ok {
		return nil
	}
	rel, m, ok := pick(parseMounts(mountinfo), version, controller, own)
	if !ok {
		return nil
	}
	return m.chain(rel)
}

// OuterChain is Chain for the process pid in a cgroup namespace that kept the mount from
// outside of it (unshare -C). The kernel tells how far up the mount begins, but not the names
// on the way, so the process is looked for in all cgroups of that depth, in the files of the
// machine. OuterChain returns nil if there is no such mount.
func OuterChain(membership, mountinfo []byte, controller string, pid int, files fs.FS) []Group {
	version, own, ok := hierarchy(membership, controller)
	if !ok {
		return nil
	}
	for _, m := range parseMounts(mountinfo) {
		ups := strings.Count(m.root, "/..")
		if !m.has(version, controller) || ups == 0 || m.root != strings.Repeat("/..", ups) {
			continue
		}
		m.root = "/"
		found, _ := fs.Glob(files, path.Join(m.point, strings.Repeat("/*", ups), own, "cgroup.procs")[1:])
		for _, file := range found {
			procs, _ := fs.ReadFile(files, file) // it may be gone meanwhile
			rel, below := strings.CutPrefix("/"+path.Dir(file), m.point)
			if below && slices.Contains(strings.Fields(string(procs)), strconv.Itoa(pid)) {
				return m.chain(path.Clean(rel))
			}
		}
	}
	return nil
}

// hierarchy returns the version that has the controller, and the process's path there.
func hierarchy(membership []byte, controller string) (version int, at string, ok bool) {
	paths := parseOwn(membership)
	version, i := 1, slices.IndexFunc(paths, func(p own) bool { return slices.Contains(p.controllers, controller) })
	if i < 0 {
		version, i = 2, slices.IndexFunc(paths, func(p own) bool { return p.controllers == nil })
	}
	if i < 0 {
		return 0, "", false
	}
	return version, paths[i].path, true
}

// chain returns the cgroups from rel up to the root of the mount.
func (m mount) chain(rel string) (chain []Group) {
	for ; ; rel = path.Dir(rel) {
		chain = append(chain, Group{Version: m.version, Path: path.Join(m.root, rel), Dir: path.Join(m.point, rel)})
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
