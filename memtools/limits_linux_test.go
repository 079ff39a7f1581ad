package memtools

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// files is a machine by its files.
type files map[string]string

const machine16 = "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\nCached: 99 kB\nSwapCached:        77 kB\nSwapTotal:       2097152 kB\n"

// on returns the host that has these files, and a machine of 16 GB with 8 GB
// available and 2 GB of swap space.
func on(t *testing.T, f files) *host {
	t.Helper()
	all := files{"/proc/meminfo": machine16, "/proc/vmstat": "oom_kill 3\n"}
	maps.Copy(all, f)
	root := t.TempDir()
	for name, text := range all {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &host{root: root}
}

const (
	none1    = "9223372036854771712\n"
	mounts1  = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory\n36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	mounts2  = "24 1 0:20 / /proc rw - proc proc rw\n35 31 0:32 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	memory   = "/sys/fs/cgroup/memory"
	unified  = "/sys/fs/cgroup"
	stat1    = "cache 1\ninactive_file 5\nactive_file 5\ntotal_inactive_file 104857600\ntotal_active_file 209715200\n"
	stat2    = "anon 1\nfile 2\ninactive_file 104857600\nactive_file 209715200\n"
	oneGiB   = "1073741824\n"
	twoGiB   = "2147483648\n"
	fourGiB  = "4294967296\n"
	eightGiB = "8589934592\n"
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
		{"is the machine's memory where no cgroup sets a limit, v1", files{
			"/proc/self/cgroup": "4:memory:/user\n", "/proc/self/mountinfo": mounts1,
			memory + "/memory.limit_in_bytes": none1, memory + "/user/memory.limit_in_bytes": none1,
		}, whole},
		{"is the machine's memory where no cgroup sets a limit, v2", files{
			"/proc/self/cgroup": "0::/user.slice/me.scope\n", "/proc/self/mountinfo": mounts2,
			unified + "/user.slice/memory.max": "max\n", unified + "/user.slice/me.scope/memory.max": "max\n", unified + "/user.slice/memory.high": "max\n",
			unified + "/user.slice/cpu.max": "max 100000\n",
		}, whole},
		{"is the machine's memory where a cgroup allows more", files{
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
		{"says which soft limit there is, and does not take it for a hard one", files{
			"/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": mounts2,
			unified + "/a/memory.max": "max\n", unified + "/a/memory.high": twoGiB, unified + "/a/memory.current": oneGiB,
		}, with(func(l *Limits) {
			l.Soft, l.SoftSource = 2*GB, "cgroup v2 /a"
			l.Cgroups = []Cgroup{{Version: 2, Path: "/a", Soft: 2 * GB, Used: GB}}
		})},
		{"has nothing available where the limit is passed, and never less than nothing", files{
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
		{"takes the mount's own root where the path is not below it", files{
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
		{"adds up what is free where the kernel does not say what is available", files{
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
			if available, err := h.available(); err != nil || available != c.want.Available {
				t.Errorf("available %v, %v, want %v", available, err, c.want.Available)
			}
		})
	}
	t.Run("is an error where the machine's memory is not told", func(t *testing.T) {
		for _, text := range []string{"", "MemTotal: x kB\n", "MemTotalX: 1 kB\n"} {
			if l, err := on(t, files{"/proc/meminfo": text}).limits(); err == nil {
				t.Errorf("%q: %+v", text, l)
			}
		}
	})
	t.Run("is an error that names the file where a limit is no number", func(t *testing.T) {
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
		if a, err := h.available(); err != nil || a != 4*GB {
			t.Fatal(a, err)
		}
		if err := os.WriteFile(h.path("/proc/self/cgroup"), []byte("0::/b\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if a, err := h.available(); err != nil || a != GB {
			t.Errorf("available %v, %v", a, err)
		}
	})
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
		{"does not know the cgroup's where the kernel is older", files{"/proc/self/cgroup": "4:memory:/a\n", "/proc/self/mountinfo": mounts1,
			memory + "/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"}, OOMCounts{Host: known(3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := on(t, c.files).oomKills()
			if err != nil || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	t.Run("is unsupported where nothing counts", func(t *testing.T) {
		if c, err := on(t, files{"/proc/vmstat": "oom_kills_not 1\n"}).oomKills(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// TestRealLimit runs a helper in a cgroup of its own, and lets the kernel kill
// another one there.
func TestRealLimit(t *testing.T) {
	dir := realCgroup(t, 256*MB)
	run := func(helper string) ([]byte, error) {
		cmd := exec.Command("sh", "-c", `echo $$ > "$1/cgroup.procs" && exec "$2"`, "sh", dir, os.Args[0])
		cmd.Env = append(os.Environ(), helperEnv+"="+helper, "GOMEMLIMIT=off", "GOMAXPROCS=1")
		return cmd.Output()
	}
	out, err := run("limits")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Limits Limits
		OOM    OOMCounts
		Stats  Stats
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Run("is found", func(t *testing.T) {
		l := got.Limits
		if l.Effective != 256*MB || !strings.HasPrefix(l.EffectiveSource, "cgroup v") || !strings.HasSuffix(l.EffectiveSource, filepath.Base(dir)) {
			t.Errorf("%v of %q", l.Effective, l.EffectiveSource)
		}
		if l.Available < 100*MB || l.Available > 256*MB || l.Machine < l.Effective {
			t.Errorf("%+v", l)
		}
		if got.Stats.Limit <= 100*MB || got.Stats.Limit > 300*MB {
			t.Errorf("without GOMEMLIMIT the process's own limit is %v", got.Stats.Limit)
		}
	})
	t.Run("kills, and the counters prove it", func(t *testing.T) {
		out, err := run("eat")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("it ended with %v: %s", err, out)
		}
		out, err = run("limits")
		if err != nil {
			t.Fatal(err)
		}
		before := got.OOM
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		grown := got.OOM.Since(before)
		if grown.Cgroup != (Counter{Value: 1, Known: true}) || !grown.Host.Known || grown.Host.Value < 1 {
			t.Errorf("the counts grew by %+v", grown)
		}
	})
}

func init() {
	helpers["limits"] = func() {
		limits, err := ReadLimits()
		if err != nil {
			panic(err)
		}
		oom, err := OOMKills()
		if err != nil {
			panic(err)
		}
		_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"Limits": limits, "OOM": oom, "Stats": GetStats()})
	}
	helpers["eat"] = func() {
		for all := [][]byte{}; ; {
			all = append(all, touched(16*MB))
			if len(all) > 64 {
				fmt.Println("1 GB is held: there is no limit")
				os.Exit(1)
			}
		}
	}
}

// realCgroup makes a cgroup with a memory limit below this process's own.
func realCgroup(t *testing.T, limit Bytes) string {
	t.Helper()
	cannot := func(why string, err error) {
		t.Helper()
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: %v", why, err)
		}
		t.Skipf("%s: %v", why, err)
	}
	found, err := thisHost.cgroups()
	if err != nil {
		t.Fatal(err)
	}
	if len(found.memory) == 0 {
		cannot("there is no memory controller", errors.ErrUnsupported)
	}
	own := found.memory[0]
	file, parent := "memory.limit_in_bytes", own.dir
	if own.version == 2 {
		file, parent = "memory.max", filepath.Dir(own.dir) // a v2 cgroup with processes has no children with limits
	}
	dir := filepath.Join(parent, fmt.Sprintf("memtools-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		cannot("a cgroup cannot be made (root can)", err)
	}
	t.Cleanup(func() {
		eventually(t, "the cgroup is empty", func() bool { return syscall.Rmdir(dir) == nil })
	})
	if err := os.WriteFile(filepath.Join(dir, file), fmt.Append(nil, int64(limit)), 0o644); err != nil {
		cannot("a memory limit cannot be set", err)
	}
	// Without swap, or what passes the limit is swapped out instead of killed.
	for name, value := range map[string]string{"memory.swap.max": "0", "memory.swappiness": "0"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			_ = os.WriteFile(filepath.Join(dir, name), []byte(value), 0o644)
		}
	}
	return dir
}

func BenchmarkAvailable(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Available(); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzCgroups(f *testing.F) {
	f.Add("4:memory:/a\n0::/b\n", mounts1, "memory")
	f.Add("0::/a/b\n", "1 1 0:1 /a/b /sub rw - cgroup2 none rw\n2 1 0:1 / /my\\040cgroups rw - cgroup2 none rw\n", "cpu")
	f.Add("0::/../x\n", "1 1 0:1 /.. /sub rw - cgroup2 none rw\n", "memory")
	f.Fuzz(func(t *testing.T, own, mountinfo, controller string) {
		mounts := parseMounts([]byte(mountinfo))
		for _, g := range parseOwnCgroups([]byte(own)) {
			for version := 1; version <= 2; version++ {
				if rel, _, ok := pick(mounts, version, controller, g.path); ok && (rel == "" || rel[0] != '/' || strings.Contains(rel, "/../")) {
					t.Fatalf("%q leads to %q", g.path, rel)
				}
			}
		}
		keyed([]byte(mountinfo), controller)
		parseMeminfo([]byte(mountinfo))
	})
}
