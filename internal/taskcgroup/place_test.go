package taskcgroup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/memtools"
)

const mounts = "35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

// files are the files of one cgroup.
type files struct{ procs, controllers, handsDown string }

// machine writes the cgroups by path, those of a machine whose root hands memory down.
func machine(t *testing.T, own string, cgroups map[string]files) host {
	t.Helper()
	root := t.TempDir()
	testkit.Write(t, root, "proc/self/cgroup", "0::"+own+"\n")
	testkit.Write(t, root, "proc/self/mountinfo", mounts)
	testkit.Write(t, root, "sys/fs/cgroup/cgroup.subtree_control", "cpu memory\n")
	for path, c := range cgroups {
		dir := "sys/fs/cgroup" + path
		testkit.Write(t, root, dir+"/cgroup.type", "domain\n")
		testkit.Write(t, root, dir+"/cgroup.procs", c.procs)
		testkit.Write(t, root, dir+"/cgroup.controllers", c.controllers)
		testkit.Write(t, root, dir+"/cgroup.subtree_control", c.handsDown)
		testkit.Write(t, root, dir+"/memory.max", "max\n")
		testkit.Write(t, root, dir+"/cpu.max", "max 100000\n")
	}
	return host{root, func(string) bool { return false }}
}

func TestFind(t *testing.T) {
	const all = "cpu memory pids\n"
	alone := map[string]files{"/job": {"7\n", all, ""}}
	shared := map[string]files{"/a": {"", all, "memory\n"}, "/a/b.scope": {"6\n7\n", all, ""}}
	for _, tt := range []struct {
		claim, own string
		cgroups    map[string]files
		change     func(t *testing.T, h *host)
		want       string // a path, with "inside " before it; or a part of the error
	}{
		{"inside its own, if that holds nobody else", "/job", alone, nil, "inside /job"},
		{"not if the kernel kills all that is in it at once", "/job", alone, func(t *testing.T, h *host) {
			write1(t, h, "/job/memory.oom.group", "1\n")
		}, "at once"},
		{"not if another process is in it", "/a/b.scope", map[string]files{"/a": {"", all, "cpu\n"}, "/a/b.scope": {"6\n7\n", all, ""}, "/a/c": {}}, nil, "holds others too"},
		{"not if a process of another container is in it", "/job", map[string]files{"/job": {"0\n7\n", all, ""}},
			func(t *testing.T, h *host) { write1(t, h, "/job/cpu.max", "50000 100000\n") }, "holds others too"},
		{"not if it holds other cgroups", "/job", map[string]files{"/job": {"7\n", all, ""}, "/job/inner": {}},
			func(t *testing.T, h *host) { write1(t, h, "/job/memory.max", "1000000\n") }, "in use by others"},
		{"not if memory is not counted in it", "/job", map[string]files{"/job": {"7\n", "cpu\n", ""}},
			func(t *testing.T, h *host) { write1(t, h, "/cgroup.subtree_control", "cpu\n") }, "does not count memory"},
		{"beside its own, if that shares what is handed down", "/a/b.scope", shared, nil, "/a"},
		{"beside it if nothing else is there, although memory is not handed down yet", "/a/b.scope",
			map[string]files{"/a": {"", all, ""}, "/a/b.scope": {"6\n7\n", all, ""}}, nil, "/a"},
		{"not beside it if that would change others", "/a/b.scope",
			map[string]files{"/a": {"", all, ""}, "/a/b.scope": {"6\n7\n", all, ""}, "/a/c": {}}, nil, "holds others too"},
		{"not beside a limit", "/a/b.scope", shared, func(t *testing.T, h *host) { write1(t, h, "/a/b.scope/cpu.max", "50000 100000\n") }, "holds others too"},
		{"not beside it where systemd manages", "/a/b.scope", shared, booted, "holds others too"},
		{"not beside it in a slice of systemd's", "/u.slice/b.scope",
			map[string]files{"/u.slice": {"", all, "memory\n"}, "/u.slice/b.scope": {"6\n7\n", all, ""}}, booted, "holds others too"},
		{"beside it in what systemd marked as delegated", "/u.slice/b.scope",
			map[string]files{"/u.slice": {"", all, "memory\n"}, "/u.slice/b.scope": {"6\n7\n", all, ""}},
			func(t *testing.T, h *host) {
				booted(t, h)
				h.delegated = func(dir string) bool { return strings.HasSuffix(dir, "/u.slice") }
			}, "/u.slice"},
		{"beside it in a unit of systemd's that someone divided", "/u.slice/b.scope/build",
			map[string]files{"/u.slice": {"", all, "memory\n"}, "/u.slice/b.scope": {"", all, "memory\n"}, "/u.slice/b.scope/build": {"6\n7\n", all, ""}}, booted, "/u.slice/b.scope"},
		{"not in a unit of systemd's that holds units", "/u.service/b.scope",
			map[string]files{"/u.service": {"", all, "memory\n"}, "/u.service/b.scope": {"6\n7\n", all, ""}}, booted, "holds others too"},
		{"inside its own although systemd manages it: it is empty again at the end", "/job", alone, booted, "inside /job"},
		{"in the machine's root, which holds processes and cgroups", "/", nil, func(t *testing.T, h *host) { write1(t, h, "/cgroup.procs", "1\n7\n") }, "/"},
		{"not in the root where systemd manages it", "/", nil, booted, "systemd has not delegated"},
		{"not if its own cgroup cannot be seen", "/../other", alone, nil, "cannot be seen"},
		{"not with version 1", "/", nil, func(t *testing.T, h *host) {
			testkit.Write(t, h.root, "proc/self/cgroup", "4:memory:/a\n0::/\n")
			testkit.Write(t, h.root, "proc/self/mountinfo", mounts+"36 31 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
		}, "version 2"},
		{"not without cgroups", "/", nil, func(t *testing.T, h *host) { testkit.Write(t, h.root, "proc/self/cgroup", "") }, "version 2"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			h := machine(t, tt.own, tt.cgroups)
			if tt.change != nil {
				tt.change(t, &h)
			}
			p, err := h.find(7)
			got := p.Path
			if p.alone {
				got = "inside " + got
			}
			if err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func write1(t *testing.T, h *host, file, text string) {
	t.Helper()
	testkit.Write(t, h.root, "sys/fs/cgroup"+file, text)
}

func booted(t *testing.T, h *host) {
	t.Helper()
	testkit.Write(t, h.root, "run/systemd/system/x", "")
}

// TestProtect: the kernel spares the oldest of several, and slows the youngest down while
// memory is short.
func TestProtect(t *testing.T) {
	dir := t.TempDir()
	r := &Run{dir: dir, view: map[string]string{"memory.high": "1000"}}
	add := func(name, current string) *Group {
		g := &Group{run: r, dir: filepath.Join(dir, name), slow: true, high: "1000"}
		testkit.Write(t, g.dir, "memory.current", current)
		testkit.Write(t, g.dir, "memory.high", "1000")
		testkit.Write(t, g.dir, "memory.low", "0")
		r.groups = append(r.groups, g)
		return g
	}
	testkit.Write(t, dir, "memory.low", "0")
	want := func(available int64, texts ...string) {
		t.Helper()
		r.Protect(memtools.Bytes(available))
		var got []string
		for _, g := range r.groups {
			for _, file := range []string{"memory.low", "memory.high"} {
				text, err := os.ReadFile(filepath.Join(g.dir, file))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(text))
			}
		}
		if !slices.Equal(got, texts) {
			t.Errorf("got %q, want %q", got, texts)
		}
	}
	a := add("a", "104857600\n")
	a.last.Held = 100 << 20
	want(0, "0", "1000")
	b := add("b", "209715200\n")
	b.last.Held = 200 << 20
	want(5<<30, "104857600", "1000", "0", "1000")
	want(100<<20, "104857600", "1000", "0", "264241152") // 200 MB, and 52 of the 100 that there are
	want(10<<20, "104857600", "1000", "0", "209715200")
	b.slow = false
	want(100<<20, "104857600", "1000", "0", "1000")
	r.groups = r.groups[1:]
	want(0, "0", "1000")
}
