package cgroup

import (
	"path"
	"slices"
	"strings"
)

// Parent returns the cgroup in which a process can make others with the controller, from
// the texts that Chain takes: with v1 the process's own, with v2 the nearest that hands the
// controller down, which one with processes does not. It reads files by read.
func Parent(membership, mountinfo []byte, controller string, read func(file string) ([]byte, error)) (g Group, ok bool) {
	for _, g := range Chain(membership, mountinfo, controller) {
		if g.Version == 1 {
			return g, true
		}
		handed, err := read(path.Join(g.Dir, "cgroup.subtree_control"))
		if err == nil && slices.Contains(strings.Fields(string(handed)), controller) {
			return g, true
		}
	}
	return Group{}, false
}
