package memtools

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/cgroup"
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

func BenchmarkAvailable(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Available(); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzMeminfo(f *testing.F) {
	f.Add("MemTotal: 24 kB\nMemAvailable:\t12 kB\n", "MemTotal:")
	f.Fuzz(func(_ *testing.T, text, key string) {
		cgroup.Keyed([]byte(text), key)
		cgroup.ParseMachine([]byte(text))
	})
}
