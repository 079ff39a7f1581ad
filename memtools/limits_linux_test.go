package memtools

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	whole := Limits{Machine: 16 * GB, Swap: 2 * GB, Effective: 16 * GB, EffectiveSource: theMachine, Available: 8 * GB}
	with := func(change func(*Limits)) Limits {
		l := whole
		change(&l)
		return l
	}
	for _, c := range []struct {
		name  string
		files files
		want  Limits
	}{
		{"is the machine's memory without cgroups", files{}, whole},
		{"is the machine's memory if no cgroup sets a limit, v1", files{
			"/proc/self/cgroup": "4:memory:/user\n", "/proc/self/mountinfo": mounts1,
			memory + "/memory.limit_in_bytes": none1, memory + "/user/memory.limit_in_bytes": none1,
		}, whole},
		{"is the machine's memory if no cgroup sets a limit, v2", files{
			"/proc/self/cgroup": "0::/user.slice/me.scope\n", "/proc/self/mountinfo": mounts2,
			unified + "/user.slice/memory.max": "max\n", unified + "/user.slice/me.scope/memory.max": "max\n", unified + "/user.slice/memory.high": "max\n",
			unified + "/user.slice/cpu.max": "max 100000\n",
		}, whole},
		{"is the machine's memory if a cgroup allows more", files{
			"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.max": "68719476736\n", unified + "/a/memory.current": oneGiB, unified + "/a/memory.stat": stat2,
		}, with(func(l *Limits) {
			l.Cgroups = []Cgroup{{Version: 2, Path: "/a", Limit: 64 * GB, Used: 724 * MB}}
		})},
		{"is the cgroup's limit, v1", files{
			"/proc/self/cgroup": "9:name=systemd:/x\n4:memory:/ci/job 1\n3:cpu,cpuacct:/ci\n", "/proc/self/mountinfo": mounts1,
			memory + "/memory.limit_in_bytes": none1, memory + "/ci/memory.limit_in_bytes": none1,
			memory + "/ci/job 1/memory.limit_in_bytes": fourGiB, memory + "/ci/job 1/memory.usage_in_bytes": oneGiB, memory + "/ci/job 1/memory.stat": stat1,
			unified + "/cpu,cpuacct/ci/cpu.cfs_quota_us": "150000\n", unified + "/cpu,cpuacct/ci/cpu.cfs_period_us": "100000\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available, l.CPUQuota = 4*GB, "cgroup v1 /ci/job 1", 4*GB-724*MB, 1.5
			l.Cgroups = []Cgroup{{Version: 1, Path: "/ci/job 1", Limit: 4 * GB, Used: 724 * MB}}
		})},
		{"is the cgroup's limit, v2", files{
			"/proc/self/cgroup": "0::/ci/job\n", "/proc/self/mountinfo": mounts2,
			unified + "/ci/job/memory.max": fourGiB, unified + "/ci/job/memory.current": oneGiB, unified + "/ci/job/memory.stat": stat2,
			unified + "/ci/job/cpu.max": "max 100000\n", unified + "/ci/cpu.max": "50000 100000\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available, l.CPUQuota = 4*GB, "cgroup v2 /ci/job", 4*GB-724*MB, 0.5
			l.Cgroups = []Cgroup{{Version: 2, Path: "/ci/job", Limit: 4 * GB, Used: 724 * MB}}
		})},
		{"is the smallest on the way up, which may be in the middle", files{
			"/proc/self/cgroup": "0::/a/b/c\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/b/c/memory.max": fourGiB, unified + "/a/b/c/memory.current": "0\n",
			unified + "/a/b/memory.max": oneGiB, unified + "/a/b/memory.current": "536870912\n",
			unified + "/a/memory.max": eightGiB, unified + "/a/memory.current": "8589934000\n", // its other members use it up
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = GB, "cgroup v2 /a/b", 592
			l.Cgroups = []Cgroup{{Version: 2, Path: "/a/b/c", Limit: 4 * GB}, {Version: 2, Path: "/a/b", Limit: GB, Used: 512 * MB}, {Version: 2, Path: "/a", Limit: 8 * GB, Used: 8*GB - 592}}
		})},
		{"reports the soft limit, and does not take it for a hard one", files{
			"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.max": "max\n", unified + "/a/memory.high": twoGiB, unified + "/a/memory.current": oneGiB,
		}, with(func(l *Limits) {
			l.Soft, l.SoftSource, l.Available = 2*GB, "cgroup v2 /a", GB
			l.Cgroups = []Cgroup{{Version: 2, Path: "/a", Soft: 2 * GB, Used: GB}}
		})},
		{"has nothing available if the limit is passed, and never less than nothing", files{
			"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.max": oneGiB, unified + "/a/memory.current": twoGiB,
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = GB, "cgroup v2 /a", 0
			l.Cgroups = []Cgroup{{Version: 2, Path: "/a", Limit: GB, Used: 2 * GB}}
		})},
		{"finds v1's memory controller beside v2 (hybrid)", files{
			"/proc/self/cgroup":                   "4:memory:/job\n1:cpu:/\n0::/elsewhere\n",
			"/proc/self/mountinfo":                "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			memory + "/job/memory.limit_in_bytes": oneGiB, memory + "/job/memory.usage_in_bytes": "0\n",
			unified + "/unified/elsewhere/cgroup.procs": "1\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = GB, "cgroup v1 /job", GB
			l.Cgroups = []Cgroup{{Version: 1, Path: "/job", Limit: GB}}
		})},
		{"finds v2's memory controller where v1 has others (hybrid)", files{
			"/proc/self/cgroup":                     "9:name=systemd:/x\n1:cpu:/\n0::/job\n",
			"/proc/self/mountinfo":                  "35 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			unified + "/unified/job/memory.max":     oneGiB,
			unified + "/unified/job/memory.current": "0\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = GB, "cgroup v2 /job", GB
			l.Cgroups = []Cgroup{{Version: 2, Path: "/job", Limit: GB}}
		})},
		{"works in a container with a cgroup namespace", files{
			"/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": mounts2,
			unified + "/memory.max": twoGiB, unified + "/memory.current": oneGiB, unified + "/memory.stat": "",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = 2*GB, "cgroup v2 /", GB
			l.Cgroups = []Cgroup{{Version: 2, Path: "/", Limit: 2 * GB, Used: GB}}
		})},
		{"works in a container that sees the host's path but mounts only its own cgroup", files{
			"/proc/self/cgroup":               "4:memory:/docker/1f0c/inner\n",
			"/proc/self/mountinfo":            "35 31 0:32 /docker/1f0c /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			memory + "/memory.limit_in_bytes": twoGiB, memory + "/memory.usage_in_bytes": "0\n",
			memory + "/inner/memory.limit_in_bytes": fourGiB, memory + "/inner/memory.usage_in_bytes": "0\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = 2*GB, "cgroup v1 /docker/1f0c", 2*GB
			l.Cgroups = []Cgroup{{Version: 1, Path: "/docker/1f0c/inner", Limit: 4 * GB}, {Version: 1, Path: "/docker/1f0c", Limit: 2 * GB}}
		})},
		{"finds itself in a namespace that kept the mount from outside", files{
			"/proc/self/cgroup": "0::/own\n", "/proc/self/mountinfo": "1 1 0:1 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			unified + "/a/x/own/cgroup.procs": "1\n", unified + "/a/x/own/memory.max": "4096\n", unified + "/b/y/own/cgroup.procs": fmt.Sprintf("1\n%d\n", os.Getpid()),
			unified + "/b/memory.max": twoGiB, unified + "/b/memory.current": "0\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = 2*GB, "cgroup v2 /b", 2*GB
			l.Cgroups = []Cgroup{{Version: 2, Path: "/b", Limit: 2 * GB}}
		})},
		{"takes the mount's own root if the path is not below it", files{
			"/proc/self/cgroup":     "0::/../other/job\n",
			"/proc/self/mountinfo":  mounts2,
			unified + "/memory.max": twoGiB, unified + "/memory.current": "0\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = 2*GB, "cgroup v2 /", 2*GB
			l.Cgroups = []Cgroup{{Version: 2, Path: "/", Limit: 2 * GB}}
		})},
		{"takes what is left of a path whose folders are not there", files{
			"/proc/self/cgroup": "0::/a/gone/deeper\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.max": twoGiB, unified + "/a/memory.current": "0\n",
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = 2*GB, "cgroup v2 /a", 2*GB
			l.Cgroups = []Cgroup{{Version: 2, Path: "/a", Limit: 2 * GB}}
		})},
		{"prefers the mount that shows more of the way up, with a space in its name", files{
			"/proc/self/cgroup":              "0::/a/b\n",
			"/proc/self/mountinfo":           "1 1 0:1 /a/b /sub rw - cgroup2 none rw\n2 1 0:1 / /my\\040cgroups rw - cgroup2 none rw\n",
			"/my cgroups/a/memory.max":       oneGiB,
			"/my cgroups/a/memory.current":   "0\n",
			"/my cgroups/a/b/memory.max":     twoGiB,
			"/my cgroups/a/b/memory.current": "0\n",
			"/sub/memory.max":                twoGiB,
		}, with(func(l *Limits) {
			l.Effective, l.EffectiveSource, l.Available = GB, "cgroup v2 /a", GB
			l.Cgroups = []Cgroup{{Version: 2, Path: "/a/b", Limit: 2 * GB}, {Version: 2, Path: "/a", Limit: GB}}
		})},
		{"passes over lines that it does not know", files{
			"/proc/self/cgroup": "\nnonsense\n0:\n0::relative\n", "/proc/self/mountinfo": "x\n - cgroup2\n1 2 - cgroup2 none rw\n",
		}, whole},
		{"adds up what is free if the kernel does not tell what is available", files{
			"/proc/meminfo": "MemTotal: 2048 kB\nMemFree: 1024 kB\nCached: 512 kB\n",
		}, Limits{Machine: 2 * MB, Effective: 2 * MB, EffectiveSource: theMachine, Available: MB + 512*KB}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := on(t, c.files)
			got, err := h.limits()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n%+v\nwant\n%+v", got, c.want)
			}
			if room, err := h.headroom(); err != nil || room.Available != c.want.Available {
				t.Errorf("available %v, %v, want %v", room.Available, err, c.want.Available)
			}
		})
	}
	t.Run("is an error if the machine's memory is unknown", func(t *testing.T) {
		for _, text := range []string{"", "MemTotal: x kB\n", "MemTotalX: 1 kB\n"} {
			if l, err := on(t, files{"/proc/meminfo": text}).limits(); err == nil {
				t.Errorf("%q: %+v", text, l)
			}
		}
	})
	t.Run("is an error that names the file if a limit is no number", func(t *testing.T) {
		h := on(t, files{"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2, unified + "/a/memory.max": "lots\n"})
		if _, err := h.limits(); err == nil || !strings.Contains(err.Error(), "/a/memory.max holds \"lots\"") {
			t.Errorf("%v", err)
		}
		h = on(t, files{"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2, unified + "/a/cpu.max": "50000 0\n"})
		if _, err := h.limits(); err == nil {
			t.Error("a period of 0 is no quota")
		}
	})
	t.Run("follows the process into another cgroup", func(t *testing.T) {
		h := on(t, files{
			"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.max": fourGiB, unified + "/a/memory.current": "0\n", unified + "/b/memory.max": oneGiB, unified + "/b/memory.current": "0\n",
		})
		if a, err := h.headroom(); err != nil || a.Available != 4*GB {
			t.Fatal(a, err)
		}
		if err := os.WriteFile(h.path("/proc/self/cgroup"), []byte("0::/b\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if a, err := h.headroom(); err != nil || a.Available != GB {
			t.Errorf("available %v, %v", a, err)
		}
	})
}

func TestHeadroom(t *testing.T) {
	const machine = "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nSwapTotal: 2097152 kB\nSwapFree: 1048576 kB\n"
	const psi = "some avg10=0.00 avg60=0.00 avg300=0.00 total=5000\n"
	v2 := files{"/proc/meminfo": machine, "/proc/pressure/memory": psi, "/proc/self/cgroup": "0::/a/b\n", "/proc/self/mountinfo": mounts2,
		unified + "/a/b/memory.max": "max\n", unified + "/a/b/memory.pressure": "some total=1\n"}
	v1 := files{"/proc/meminfo": machine, "/proc/self/cgroup": "4:memory:/a\n", "/proc/self/mountinfo": mounts1,
		memory + "/a/memory.limit_in_bytes": oneGiB, memory + "/a/memory.usage_in_bytes": "0\n"}
	for _, c := range []struct {
		name  string
		files files
		more  files
		want  Headroom
	}{
		{"is the machine's without limits", v2, nil, Headroom{4 * GB, GB, 5 * time.Millisecond}},
		{"of swap space is what a cgroup leaves", v2, files{unified + "/a/memory.swap.max": "1073741824\n", unified + "/a/memory.swap.current": "536870912\n"},
			Headroom{4 * GB, 512 * MB, 5 * time.Millisecond}},
		{"has no swap space if a cgroup allows none", v2, files{unified + "/a/b/memory.swap.max": "0\n"}, Headroom{4 * GB, 0, 5 * time.Millisecond}},
		{"ends at memory.high, with the stalls of that cgroup", v2,
			files{unified + "/a/memory.high": oneGiB, unified + "/a/memory.current": "0\n", unified + "/a/memory.pressure": "some total=7\n"}, Headroom{GB, GB, 7 * time.Microsecond}},
		{"of v1 without a count of swap", v1, nil, Headroom{GB, GB, 0}},
		{"of v1 is what is left of both together", v1, files{memory + "/a/memory.memsw.limit_in_bytes": "1610612736\n", memory + "/a/memory.memsw.usage_in_bytes": "0\n"}, Headroom{GB, 512 * MB, 0}},
		{"of v1 has no swap space if it is switched off", v1, files{memory + "/a/memory.memsw.limit_in_bytes": twoGiB, memory + "/a/memory.memsw.usage_in_bytes": "0\n", memory + "/a/memory.swappiness": "0\n"}, Headroom{GB, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := maps.Clone(c.files)
			maps.Copy(all, c.more)
			if room, err := on(t, all).headroom(); err != nil || room != c.want {
				t.Errorf("%+v, %v, want %+v", room, err, c.want)
			}
		})
	}
}

func TestOOMKills(t *testing.T) {
	known := func(n int64) Counter { return Counter{Value: n, Known: true} }
	for _, c := range []struct {
		name  string
		files files
		want  OOMCounts
	}{
		{"knows the machine's without cgroups", files{}, OOMCounts{Host: known(3)}},
		{"reads v1's", files{"/proc/self/cgroup": "4:memory:/a\n", "/proc/self/mountinfo": mounts1,
			memory + "/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"}, OOMCounts{Cgroup: known(2), Host: known(3)}},
		{"reads v2's", files{"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.events": "low 0\nhigh 7\nmax 9\noom 8\noom_kill 4\noom_group_kill 1\n"}, OOMCounts{Cgroup: known(4), Host: known(3)}},
		{"knows a count of zero", files{"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.events": "oom_kill 0\n"}, OOMCounts{Cgroup: known(0), Host: known(3)}},
		{"does not know the cgroup's if the kernel is older", files{"/proc/self/cgroup": "4:memory:/a\n", "/proc/self/mountinfo": mounts1,
			memory + "/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"}, OOMCounts{Host: known(3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := on(t, c.files).oomKills()
			if err != nil || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	t.Run("is unsupported if nothing counts", func(t *testing.T) {
		if c, err := on(t, files{"/proc/vmstat": "oom_kills_not 1\n"}).oomKills(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
