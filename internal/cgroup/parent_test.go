package cgroup

import (
	"io/fs"
	"testing"
)

func TestParent(t *testing.T) {
	const v1 = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	const v2 = "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	for _, tt := range []struct {
		claim, own, mounts string
		handed             map[string]string // by folder
		want               string            // a folder, or empty
	}{
		{"the own one with v1", "4:memory:/ci/job\n0::/\n", v1, nil, "/sys/fs/cgroup/memory/ci/job"},
		{"the nearest that hands memory down", "0::/a/b/c\n", v2,
			map[string]string{"/sys/fs/cgroup": "cpu memory\n", "/sys/fs/cgroup/a": "memory\n", "/sys/fs/cgroup/a/b": "cpu\n", "/sys/fs/cgroup/a/b/c": "\n"}, "/sys/fs/cgroup/a"},
		{"none if no one does", "0::/a\n", v2, map[string]string{"/sys/fs/cgroup": "cpu\n"}, ""},
		{"none without cgroups", "", "", nil, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			g, ok := Parent([]byte(tt.own), []byte(tt.mounts), "memory", func(file string) ([]byte, error) {
				for dir, text := range tt.handed {
					if file == dir+"/cgroup.subtree_control" {
						return []byte(text), nil
					}
				}
				return nil, fs.ErrNotExist
			})
			if g.Dir != tt.want || ok != (tt.want != "") {
				t.Errorf("%+v, %v", g, ok)
			}
		})
	}
}
