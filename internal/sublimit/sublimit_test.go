package sublimit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

const mb, gb = memtools.MB, memtools.GB

// on writes the files of a machine.
func on(t *testing.T, files map[string]string) host {
	t.Helper()
	h := host{t.TempDir()}
	for name, text := range files {
		file := filepath.Join(h.root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func size(b memtools.Bytes) string { return fmt.Sprintln(int64(b)) }

func TestFind(t *testing.T) {
	v2 := map[string]string{
		"proc/self/cgroup":                        "0::/run\n",
		"proc/self/mountinfo":                     "1 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"proc/7/cgroup":                           "0::/run\n",
		"proc/7/task/7/children":                  "8 ",
		"proc/7/task/71/children":                 "9 ",
		"proc/8/cgroup":                           "0::/run/large\n",
		"proc/8/task/8/children":                  "",
		"proc/9/cgroup":                           "0::/run/small/leaf\n",
		"proc/10/cgroup":                          "0::/run\n",
		"proc/11/cgroup":                          "0::/run/large\n",
		"proc/12/cgroup":                          "0::/run/none\n",
		"sys/fs/cgroup/run/memory.max":            size(2 * gb),
		"sys/fs/cgroup/run/large/memory.max":      size(3 * gb),
		"sys/fs/cgroup/run/none/memory.max":       "max\n",
		"sys/fs/cgroup/run/small/memory.max":      size(100 * mb),
		"sys/fs/cgroup/run/small/leaf/memory.max": "max\n",
		"sys/fs/cgroup/run/small/memory.events":   "oom 3\noom_kill 3\n",
	}
	v1 := map[string]string{
		"proc/self/cgroup":                          "4:cpu:/x\n3:memory:/run\n",
		"proc/self/mountinfo":                       "1 1 0:1 / /cg/memory rw - cgroup cgroup rw,memory\n",
		"proc/7/cgroup":                             "4:cpu:/x\n3:memory:/run/small\n",
		"cg/memory/memory.limit_in_bytes":           "9223372036854771712\n",
		"cg/memory/run/memory.limit_in_bytes":       "9223372036854771712\n",
		"cg/memory/run/small/memory.limit_in_bytes": size(100 * mb),
		"cg/memory/run/small/memory.oom_control":    "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
	}
	for _, tt := range []struct {
		claim string
		files map[string]string
		pid   int
		want  string
	}{
		{"the smallest of a tree, above its leaf", v2, 7, "cgroup v2 /run/small"},
		{"none in our own cgroup", v2, 10, ""},
		{"none if it is larger than ours", v2, 11, ""},
		{"none without a limit", v2, 12, ""},
		{"none of a process that is gone", v2, 13, ""},
		{"of version 1", v1, 7, "cgroup v1 /run/small"},
		{"none on a system without cgroups", nil, 7, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := on(t, tt.files).find(tt.pid)
			if got.Name != tt.want || (got.Size == 100*mb) != (tt.want != "") || got.Killed() {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestKilled(t *testing.T) {
	h := on(t, map[string]string{"events": "oom_kill 3\n"})
	l := Limit{events: h.root + "/events", kills: 3}
	if l.Killed() {
		t.Error("a kill before it was found counts")
	}
	if err := os.WriteFile(l.events, []byte("oom_kill 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !l.Killed() {
		t.Error("a kill is not seen")
	}
	l.events += strings.Repeat("x", 3)
	if l.Killed() {
		t.Error("a cgroup that is gone has killed")
	}
}

func BenchmarkFind(b *testing.B) {
	for b.Loop() {
		Find(os.Getpid())
	}
}
