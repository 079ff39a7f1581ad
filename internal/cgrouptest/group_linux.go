package cgrouptest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/internal/testkit"
)

// Group is a cgroup of one test. It is removed when the test ends.
type Group struct {
	// Dir is the folder of its files.
	Dir string
	// Version is 1 or 2.
	Version int

	t testing.TB
}

var made atomic.Int32

// New makes a cgroup with a memory limit in bytes and without swap. Zero means no limit.
func New(t testing.TB, limit int64) *Group {
	t.Helper()
	parent, err := parent()
	if err != nil {
		testkit.UnlessCI(t, err.Error())
	}
	g := &Group{filepath.Join(parent.Dir, fmt.Sprintf("heapmage-test-%d-%d", os.Getpid(), made.Add(1))), parent.Version, t}
	g.make()
	g.limit(limit)
	return g
}

// Below makes a cgroup inside of g, which must have no processes. Zero means no limit.
func (g *Group) Below(name string, limit int64) *Group {
	g.t.Helper()
	if g.Version == 2 {
		g.Set("cgroup.subtree_control", "+memory")
	}
	below := &Group{filepath.Join(g.Dir, name), g.Version, g.t}
	below.make()
	below.limit(limit)
	return below
}

func (g *Group) make() {
	g.t.Helper()
	if err := os.Mkdir(g.Dir, 0o755); err != nil {
		testkit.UnlessCI(g.t, fmt.Sprintf("a cgroup cannot be made, which needs root: %v", err))
	}
	g.t.Cleanup(g.remove)
}

// remove removes the cgroup and those below it, which takes until all their processes are
// reaped. A process that stays is ended, and fails the test.
func (g *Group) remove() {
	for i := range 500 {
		left := g.tryRemove()
		if left == nil {
			return
		}
		if i == 300 {
			g.t.Errorf("%s: left running: %v", g.Dir, left)
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	g.t.Errorf("%s cannot be removed", g.Dir)
}

// tryRemove returns nil if the cgroup is gone, or else what runs in it.
func (g *Group) tryRemove() (left []int) {
	var all []string
	_ = filepath.WalkDir(g.Dir, func(dir string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, dir)
		}
		return nil // it may be gone meanwhile
	})
	left = []int{}
	for _, dir := range slices.Backward(all) {
		text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for pid := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil {
				left = append(left, n)
			}
		}
		_ = syscall.Rmdir(dir)
	}
	if _, err := os.Stat(g.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return left
}

func (g *Group) limit(bytes int64) {
	g.t.Helper()
	file := "memory.max"
	if g.Version == 1 {
		file = "memory.limit_in_bytes"
	}
	if bytes > 0 {
		if err := os.WriteFile(filepath.Join(g.Dir, file), strconv.AppendInt(nil, bytes, 10), 0o600); err != nil {
			testkit.UnlessCI(g.t, fmt.Sprintf("a memory limit cannot be set: %v", err))
		}
	}
	// Otherwise what passes the limit is swapped out instead of killed.
	for name, value := range map[string]string{"memory.swap.max": "0", "memory.swappiness": "0"} {
		if _, err := os.Stat(filepath.Join(g.Dir, name)); err == nil {
			g.Set(name, value)
		}
	}
}

// Set writes a value to one of the cgroup's files.
func (g *Group) Set(file, value string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.Dir, file), []byte(value), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// Read returns the text of one of the cgroup's files.
func (g *Group) Read(file string) string {
	g.t.Helper()
	text, err := os.ReadFile(filepath.Join(g.Dir, file))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(text)
}

// Procs is the file through which processes join the cgroup.
func (g *Group) Procs() string { return filepath.Join(g.Dir, "cgroup.procs") }

// Command returns a command that starts the given one inside the cgroup.
func (g *Group) Command(command ...string) []string {
	return append([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, g.Procs()}, command...)
}

// Kills is how many processes the kernel has killed in the cgroup for lack of memory.
func (g *Group) Kills() int64 {
	g.t.Helper()
	file := "memory.events"
	if g.Version == 1 {
		file = "memory.oom_control"
	}
	n, ok := cgroup.Keyed([]byte(g.Read(file)), "oom_kill")
	if !ok {
		g.t.Fatalf("the kernel does not count in %s what it kills", file)
	}
	return n
}

// parent returns the cgroup to make others in.
func parent() (cgroup.Group, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return cgroup.Group{}, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return cgroup.Group{}, err
	}
	g, ok := cgroup.Parent(own, mounts, "memory", os.ReadFile)
	if !ok {
		return g, errors.New("no cgroup above this process hands the memory controller down")
	}
	return g, nil
}
