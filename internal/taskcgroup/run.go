// Package taskcgroup gives each task of a run a cgroup of its own, where one may be made.
// The kernel then tells what the task uses, and whether it killed a part of it, to the
// byte and without a doubt.
//
// It is done only with cgroups of version 2, and only where that touches nobody else
// (docs/decisions/0009): inside the cgroup of this process if it holds no other process,
// or beside it if it limits nothing and the one above was handed to its user. No process is
// moved but this one; tasks start in their cgroups. No task gets a limit: the kernel slows
// the youngest down before it would kill, and takes from the oldest last.
package taskcgroup

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/memtools"
)

// prefix begins the names of a run's cgroups, and ownSuffix ends that of this process's.
const (
	prefix    = "heapmage-"
	ownSuffix = ".self"
)

// Run is the cgroup that holds those of the tasks. It is safe for concurrent use.
type Run struct {
	place
	dir string
	// view is what a task is to see of the limits around it: programs read those of
	// their own cgroup and seldom look further up. They bind no sooner than those above.
	view map[string]string

	mu     sync.Mutex // guards all below
	made   int
	groups []*Group // the oldest first
	low    memtools.Bytes
}

// Open makes the cgroup of the run id. Its error tells why there is none. Call Close.
func Open(id string) (*Run, error) {
	p, err := thisHost.find(os.Getpid())
	if err != nil {
		return nil, err
	}
	r := &Run{place: p, dir: filepath.Join(p.Dir, prefix+id), view: map[string]string{}}
	if p.alone {
		r.look()
	}
	if err := r.make(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// look takes in the limits that this process sees in its own cgroup.
func (r *Run) look() {
	least := int64(0)
	for _, file := range []string{"memory.max", "memory.high"} {
		text, _ := os.ReadFile(filepath.Join(r.Dir, file))
		if n, ok := cgroup.Limit(text); ok && n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if least > 0 {
		r.view["memory.high"] = strconv.FormatInt(least, 10)
	}
	if text, err := os.ReadFile(filepath.Join(r.Dir, "cpu.max")); err == nil && !strings.HasPrefix(string(text), "max") {
		r.view["cpu.max"] = strings.TrimSpace(string(text))
	}
}

func (r *Run) make() error {
	if r.alone {
		if err := os.Mkdir(r.dir+ownSuffix, 0o755); err != nil {
			return err
		}
		if err := write(r.dir+ownSuffix, "cgroup.procs", "0"); err != nil { // 0 is the one that writes
			return err
		}
	}
	if err := r.handDown(r.Dir); err != nil {
		return err
	}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return err
	}
	return r.handDown(r.dir)
}

// handDown has a cgroup count its children one by one.
func (r *Run) handDown(dir string) error {
	if r.view["cpu.max"] != "" {
		if write(dir, "cgroup.subtree_control", "+cpu") != nil {
			delete(r.view, "cpu.max") // it is a help only
		}
	}
	if thisHost.hasMemory(dir + "/cgroup.subtree_control") {
		return nil
	}
	return write(dir, "cgroup.subtree_control", "+memory")
}

// Folder is that of the run's cgroup. Remove takes it.
func (r *Run) Folder() string { return r.dir }

// New makes the cgroup of a task. slow allows Protect to slow it down, which lets its Node
// processes choose a smaller heap limit if none is set for them. Call its Close.
func (r *Run) New(slow bool) (*Group, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	name := strconv.Itoa(r.made)
	g := &Group{run: r, dir: filepath.Join(r.dir, name), path: strings.TrimSuffix(r.Path, "/") + "/" + filepath.Base(r.dir) + "/" + name, slow: slow, high: r.usualHigh()}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, err
	}
	for file, text := range r.view {
		_ = write(g.dir, file, text) // it is a help only
	}
	var err error
	if g.folder, err = os.Open(g.dir); err != nil {
		return nil, errors.Join(err, os.Remove(g.dir))
	}
	r.groups = append(r.groups, g)
	return g, nil
}

// Left is shared memory, such as files in /dev/shm, that tasks made which have ended.
func (r *Run) Left() memtools.Bytes {
	r.mu.Lock()
	defer r.mu.Unlock()
	stat, _ := os.ReadFile(filepath.Join(r.dir, "memory.stat"))
	sum, _ := cgroup.Keyed(stat, "shmem")
	left := memtools.Bytes(sum)
	for _, g := range r.groups {
		left -= g.last.Shared
	}
	return max(left, 0)
}

const (
	// short is the available memory below which the youngest task is slowed down before
	// it takes all of it, and reserve what it leaves: the scheduler pauses tasks too, but
	// only when it has measured. A program takes no more than short between two samples.
	short   = memtools.GB
	reserve = 48 * memtools.MB
	// minChange is how much a protection must change to be written.
	minChange = 16 * memtools.MB
)

// Protect has the kernel spare the memory of the oldest task and slow down the youngest of
// several, if the memory that is available to the run is short. Nothing is protected from
// tasks that run alone.
func (r *Run) Protect(available memtools.Bytes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, g := range r.groups {
		if i == 0 {
			low := memtools.Bytes(0)
			if len(r.groups) > 1 {
				low = g.last.Held
			}
			protect(r.dir, &r.low, low) // a protection reaches no further than that above
			protect(g.dir, &g.low, low)
		}
		high := r.usualHigh()
		if i > 0 && i == len(r.groups)-1 && g.slow && available < short {
			text, _ := os.ReadFile(filepath.Join(g.dir, "memory.current"))
			if n, ok := cgroup.Limit(text); ok {
				high = bytes(memtools.Bytes(n) + max(available-reserve, 0))
			}
		}
		if high != g.high && write(g.dir, "memory.high", high) == nil {
			g.high = high
		}
	}
}

// protect sets memory.low if it has changed enough.
func protect(dir string, was *memtools.Bytes, low memtools.Bytes) {
	if max(low-*was, *was-low) >= minChange && write(dir, "memory.low", bytes(low)) == nil {
		*was = low
	}
}

func (r *Run) usualHigh() string { return cmp.Or(r.view["memory.high"], "max") }

func bytes(n memtools.Bytes) string { return strconv.FormatInt(int64(n), 10) }

// closePatience is how long the kernel may take to empty the cgroup of a process that has
// ended, and killPatience one whose processes are killed.
const (
	closePatience = 100 * time.Millisecond
	killPatience  = 3 * time.Second
)

// Close removes the run's cgroup, and moves this process back to where it was. Daemons that
// tasks have left keep theirs.
func (r *Run) Close() { remove(r.dir, closePatience) }

// Remove ends all that runs in the cgroup with the folder dir, which was that of a run that
// was killed, and removes it. It reports whether dir is such a folder.
func Remove(dir string) (ours bool) {
	if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "cgroup.subtree_control")); err != nil || !strings.HasPrefix(filepath.Base(dir), prefix) {
		return false
	}
	_ = write(dir, "cgroup.kill", "1") // by kernels from 5.14
	remove(dir, killPatience)
	return true
}

// RemoveAbandoned is Remove for a run by its id, if its cgroup is near this process's.
func RemoveAbandoned(id string) {
	own, mounts := thisHost.read("/proc/self/cgroup"), thisHost.read("/proc/self/mountinfo")
	for _, g := range cgroup.Chain([]byte(own), []byte(mounts), "memory") {
		dir := filepath.Join(g.Dir, prefix+id)
		if _, err := os.Stat(dir); err == nil {
			Remove(dir)
		}
	}
}

func remove(dir string, patience time.Duration) {
	removeAll(dir, patience)
	own := filepath.Base(dir) + ownSuffix
	if !strings.HasSuffix(thisHost.read("/proc/self/cgroup"), "/"+own+"\n") {
		return
	}
	// A cgroup with processes cannot count its children, so that ends first.
	base := filepath.Dir(dir)
	_ = write(dir, "cgroup.subtree_control", "-memory") // if a daemon has kept it
	_ = write(dir, "cgroup.subtree_control", "-cpu")
	_ = write(base, "cgroup.subtree_control", "-memory")
	_ = write(base, "cgroup.subtree_control", "-cpu")
	_ = write(base, "cgroup.procs", "0")
	removeAll(filepath.Join(base, own), patience)
}

// removeAll removes a cgroup with its children as soon as they are empty.
func removeAll(dir string, patience time.Duration) {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var all []string
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append(all, path)
			}
			return nil // it may be gone meanwhile
		})
		for _, path := range slices.Backward(all) {
			_ = os.Remove(path) // it may have processes
		}
		if _, err := os.Stat(dir); err != nil || time.Now().After(deadline) {
			return
		}
	}
}

// write writes one of a cgroup's files.
func write(dir, file, text string) error {
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0); err != nil {
		return fmt.Errorf("write %s to a cgroup: %w", text, err)
	}
	return nil
}
