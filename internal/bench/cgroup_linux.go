package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// cage is a cgroup of its own with a memory limit and no swap.
type cage struct {
	dir string
	v2  bool
}

// newCage makes a cgroup with the limit; zero means none. It needs root.
func newCage(limit memtools.Bytes) (*cage, error) {
	parent, v2, err := cageParent()
	if err != nil {
		return nil, err
	}
	c := &cage{filepath.Join(parent, fmt.Sprintf("heapmage-bench-%d", os.Getpid())), v2}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make a cgroup, which needs root on a machine of its own: %w", err)
	}
	if err := c.limit(limit); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *cage) limit(limit memtools.Bytes) error {
	// On v1 the order counts: memory and swap together may not be less than memory.
	files := []string{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"}
	values := []string{strconv.FormatInt(int64(limit), 10), strconv.FormatInt(int64(limit), 10)}
	if c.v2 {
		files, values[1] = []string{"memory.max", "memory.swap.max"}, "0"
	}
	peak := "memory.max_usage_in_bytes"
	if c.v2 {
		peak = "memory.peak" // Linux 5.19
	}
	if _, err := os.Stat(filepath.Join(c.dir, peak)); err != nil {
		return fmt.Errorf("the memory controller does not serve this cgroup: %w", err)
	}
	if limit == 0 {
		return nil
	}
	for i, name := range files {
		err := os.WriteFile(filepath.Join(c.dir, name), []byte(values[i]), 0o644)
		if i == 1 && errors.Is(err, fs.ErrNotExist) {
			continue // a kernel that does not account for swap
		}
		if err != nil {
			return fmt.Errorf("cannot limit the memory of the cgroup: %w", err)
		}
	}
	return nil
}

// cageParent is where a cgroup can be made: in v1 below this process's, in v2
// beside it, since there a cgroup that has processes cannot hand memory down.
func cageParent() (dir string, v2 bool, err error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", false, fmt.Errorf("this benchmark limits memory by cgroups: %w", err)
	}
	var unified string
	for line := range strings.Lines(string(own)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(part) < 3:
		case slices.Contains(strings.Split(part[1], ","), "memory"):
			dir := filepath.Join("/sys/fs/cgroup/memory", part[2])
			if _, err := os.Stat(dir); err != nil {
				dir = "/sys/fs/cgroup/memory" // a container that sees its own cgroup as the root
			}
			return dir, false, nil
		case part[1] == "":
			unified = part[2]
		}
	}
	dir = filepath.Join("/sys/fs/cgroup", filepath.Dir(unified))
	if unified == "" {
		return "", false, errors.New("this benchmark limits memory by cgroups, and this system has none")
	}
	handed, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil || !slices.Contains(strings.Fields(string(handed)), "memory") {
		return "", true, fmt.Errorf("%s does not hand the memory controller down to its cgroups", dir)
	}
	return dir, true, nil
}

// command is command, started inside of the cgroup.
func (c *cage) command(command []string) []string {
	return append([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(c.dir, "cgroup.procs")}, command...)
}

// sample measures the living processes of the cgroup.
func (c *cage) sample(classify func(arguments []string) role) ([]usage, error) {
	pids, err := c.pids()
	if err != nil {
		return nil, err
	}
	var all []usage
	seen := map[string]bool{}
	for _, pid := range pids {
		proc := filepath.Join("/proc", strconv.Itoa(pid))
		arguments, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		if err != nil || len(arguments) == 0 {
			continue // it ended meanwhile
		}
		status, err := os.ReadFile(filepath.Join(proc, "status"))
		if err != nil {
			continue
		}
		u := usage{role: classify(strings.Split(string(bytes.TrimRight(arguments, "\x00")), "\x00"))}
		u.resident = keyed(status, "VmHWM:") * memtools.KB
		u.private = (keyed(status, "RssAnon:") + keyed(status, "RssShmem:")) * memtools.KB
		// A process that was just forked shows its parent's memory until it execs.
		if key := fmt.Sprintf("%s %d %d", arguments, u.resident, u.private); !seen[key] {
			seen[key] = true
			all = append(all, u)
		}
	}
	return all, nil
}

// result reads what the kernel counted.
func (c *cage) result() (kept, error) {
	peak, events := "memory.max_usage_in_bytes", "memory.oom_control"
	if c.v2 {
		peak, events = "memory.peak", "memory.events"
	}
	text, err := os.ReadFile(filepath.Join(c.dir, peak))
	if err != nil {
		return kept{}, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return kept{}, err
	}
	text, err = os.ReadFile(filepath.Join(c.dir, events))
	return kept{peak: memtools.Bytes(n), kills: int(keyed(text, "oom_kill"))}, err
}

// close kills what is left in the cgroup, says how many processes that were, and
// removes it.
func (c *cage) close() (left int, err error) {
	pids, _ := c.pids()
	left = len(pids)
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err = os.Remove(c.dir); err == nil || time.Now().After(deadline) {
			return left, err
		}
		pids, _ := c.pids()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // may have ended meanwhile
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// maxResident is the largest resident set of a process that has ended.
func maxResident(ended *os.ProcessState) memtools.Bytes {
	return memtools.Bytes(ended.SysUsage().(*syscall.Rusage).Maxrss) * memtools.KB
}

func (c *cage) pids() ([]int, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// keyed is the number after key in text's lines; zero where it is not there.
func keyed(text []byte, key string) memtools.Bytes {
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return memtools.Bytes(n)
		}
	}
	return 0
}
