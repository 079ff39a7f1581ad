package cgroup

import (
	"strings"
	"testing"
	"time"
)

func TestPick(t *testing.T) {
	const v1 = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory\n36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	const v2 = "24 1 0:20 / /proc rw - proc proc rw\n35 31 0:32 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	for _, tt := range []struct {
		claim, mounts, own string
		version            int
		rel, point         string
	}{
		{"v1 by its controller", v1, "/ci/job", 1, "/ci/job", "/sys/fs/cgroup/memory"},
		{"v2", v2, "/ci/job", 2, "/ci/job", "/sys/fs/cgroup"},
		{"a part of the hierarchy that contains it", "1 1 0:1 /a/b /sub rw - cgroup2 none rw\n", "/a/b/c", 2, "/c", "/sub"},
		{"the mount's root if it lies outside", "1 1 0:1 /a/b /sub rw - cgroup2 none rw\n", "/x", 2, "/", "/sub"},
		{"an escaped folder", "2 1 0:1 / /my\\040cgroups rw - cgroup2 none rw\n", "/a", 2, "/a", "/my cgroups"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			rel, m, ok := pick(parseMounts([]byte(tt.mounts)), tt.version, "memory", tt.own)
			if !ok || rel != tt.rel || m.point != tt.point {
				t.Errorf("%q on %q, %v", rel, m.point, ok)
			}
		})
	}
}

func FuzzPick(f *testing.F) {
	f.Add("4:memory:/a\n0::/b\n", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "memory")
	f.Add("0::/a/b\n", "1 1 0:1 /a/b /sub rw - cgroup2 none rw\n2 1 0:1 / /my\\040cgroups rw - cgroup2 none rw\n", "cpu")
	f.Add("0::/../x\n", "1 1 0:1 /.. /sub rw - cgroup2 none rw\n", "memory")
	f.Fuzz(func(t *testing.T, own, mountinfo, controller string) {
		mounts := parseMounts([]byte(mountinfo))
		for _, g := range parseOwn([]byte(own)) {
			for version := 1; version <= 2; version++ {
				if rel, _, ok := pick(mounts, version, controller, g.path); ok && (rel == "" || rel[0] != '/' || strings.Contains(rel, "/../")) {
					t.Fatalf("%q leads to %q", g.path, rel)
				}
			}
		}
	})
}

func TestQuota(t *testing.T) {
	for text, want := range map[string]float64{"max 100000": 0, "-1 100000": 0, "150000 100000": 1.5, "50000 100000\n": 0.5} {
		if cores, ok := Quota([]byte(text)); !ok || cores != want {
			t.Errorf("%q: %v, %v", text, cores, ok)
		}
	}
	for _, text := range []string{"", "x", "1", "1 0", "1 x"} {
		if cores, ok := Quota([]byte(text)); ok {
			t.Errorf("%q: %v", text, cores)
		}
	}
}

func TestStalled(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=1500\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n": 1500 * time.Microsecond,
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n":                                                    0,
	} {
		if d, ok := Stalled([]byte(text)); d != want || !ok {
			t.Errorf("%q: %v, %v", text, d, ok)
		}
	}
	for _, text := range []string{"", "some", "full total=1", "some total=x", "some total=-1", "some total=9223372036854775807"} {
		if d, ok := Stalled([]byte(text)); ok {
			t.Errorf("%q: %v", text, d)
		}
	}
}

func TestParseMachine(t *testing.T) {
	const kb = 1 << 10
	for _, tt := range []struct {
		text string
		want Machine
		ok   bool
	}{
		{"MemTotal: 8 kB\nMemFree: 1 kB\nMemAvailable: 4 kB\nShmem: 3 kB\nShmemHugePages: 9 kB\nSwapTotal: 2 kB\nSwapFree: 1 kB\n", Machine{8 * kb, 4 * kb, 2 * kb, 3 * kb, kb}, true},
		{"MemTotal: 8 kB\nMemFree: 1 kB\nCached: 2 kB\n", Machine{8 * kb, 3 * kb, 0, -1, 0}, true},
		{"MemTotalX: 8 kB\n", Machine{Shmem: -1}, false},
	} {
		if got, ok := ParseMachine([]byte(tt.text)); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %+v, %v", tt.text, got, ok)
		}
	}
}
