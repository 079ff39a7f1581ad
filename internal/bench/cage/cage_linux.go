package cage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/memtools"
)

// Cage is a cgroup with a memory limit and without swap.
type Cage struct {
	dir string
	v2  bool
}

// New makes a cgroup with the limit; zero means none. A process has one cage at
// a time.
func New(limit memtools.Bytes) (*Cage, error) {
	parent, err := parent()
	if err != nil {
		return nil, err
	}
	c := &Cage{filepath.Join(parent.Dir, fmt.Sprintf("heapmage-bench-%d", os.Getpid())), parent.Version == 2}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make a cgroup, which needs root: %w", err)
	}
	if err := c.limit(limit); err != nil {
		_, closed := c.Close()
		return nil, errors.Join(err, closed)
	}
	return c, nil
}

func (c *Cage) limit(limit memtools.Bytes) error {
	// Version 1 rejects a limit of memory and swap together below that of memory,
	// so the order counts.
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
		return fmt.Errorf("the cgroup has no memory controller: %w", err)
	}
	if limit == 0 {
		return nil
	}
	for i, name := range files {
		err := os.WriteFile(filepath.Join(c.dir, name), []byte(values[i]), 0o644)
		if i == 1 && errors.Is(err, fs.ErrNotExist) {
			continue // the kernel does not count swap
		}
		if err != nil {
			return fmt.Errorf("cannot limit the cgroup's memory: %w", err)
		}
	}
	return nil
}

// parent returns the cgroup to make others in.
func parent() (cgroup.Group, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return cgroup.Group{}, fmt.Errorf("cannot limit memory: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return cgroup.Group{}, fmt.Errorf("cannot limit memory: %w", err)
	}
	g, ok := cgroup.Parent(own, mounts, "memory", os.ReadFile)
	if !ok {
		return g, errors.New("cannot limit memory: no cgroup above this process passes the memory controller on")
	}
	return g, nil
}

// Command wraps a command so that it starts inside the cage.
func (c *Cage) Command(command []string) []string {
	return append([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(c.dir, "cgroup.procs")}, command...)
}

// Join is the shell command that puts the shell which runs it into the cage.
func (c *Cage) Join() string { return "echo $$ >" + filepath.Join(c.dir, "cgroup.procs") }

// Held is what the cage holds that cannot be dropped: anonymous and shared memory, resident
// or swapped out, as the kernel counts it for the whole cgroup.
func (c *Cage) Held() (memtools.Bytes, error) {
	stat, err := os.ReadFile(filepath.Join(c.dir, "memory.stat"))
	if err != nil {
		return 0, err
	}
	if !c.v2 {
		return number(stat, "total_rss") + number(stat, "total_shmem") + number(stat, "total_swap"), nil
	}
	swap, _ := c.count("memory.swap.current") // missing if the kernel does not count swap
	return number(stat, "anon") + number(stat, "shmem") + swap, nil
}

// count reads a file that is one number.
func (c *Cage) count(file string) (memtools.Bytes, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return memtools.Bytes(n), err
}

// Sample measures the living processes.
func (c *Cage) Sample() ([]Process, error) {
	pids, err := c.pids()
	if err != nil {
		return nil, err
	}
	var all []Process
	seen := map[string]bool{}
	for _, pid := range pids {
		proc := filepath.Join("/proc", strconv.Itoa(pid))
		arguments, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		if err != nil || len(arguments) == 0 {
			continue // it has ended meanwhile
		}
		status, err := os.ReadFile(filepath.Join(proc, "status"))
		if err != nil {
			continue
		}
		p := Process{
			PID:       pid,
			Arguments: strings.Split(string(bytes.TrimRight(arguments, "\x00")), "\x00"),
			Resident:  number(status, "VmHWM:") * memtools.KB,
			Private:   (number(status, "RssAnon:") + number(status, "RssShmem:")) * memtools.KB,
		}
		// Between fork and exec a process shows its parent's memory.
		if key := fmt.Sprintf("%s %d %d", arguments, p.Resident, p.Private); !seen[key] {
			seen[key] = true
			all = append(all, p)
		}
	}
	return all, nil
}

// Counted reads the kernel's counters.
func (c *Cage) Counted() (Counted, error) {
	peak, events := "memory.max_usage_in_bytes", "memory.oom_control"
	if c.v2 {
		peak, events = "memory.peak", "memory.events"
	}
	most, err := c.count(peak)
	if err != nil {
		return Counted{}, err
	}
	text, err := os.ReadFile(filepath.Join(c.dir, events))
	return Counted{Peak: most, Kills: int(number(text, "oom_kill"))}, err
}

// Close kills the processes that are left, returns how many there were, and
// removes the cgroup.
func (c *Cage) Close() (left int, err error) {
	pids, _ := c.pids()
	left = len(pids)
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err = os.Remove(c.dir); err == nil || time.Now().After(deadline) {
			return left, err
		}
		pids, _ := c.pids()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// MaxResident returns the largest resident set of a process that has ended.
func MaxResident(ended *os.ProcessState) memtools.Bytes {
	return memtools.Bytes(ended.SysUsage().(*syscall.Rusage).Maxrss) * memtools.KB
}

func (c *Cage) pids() ([]int, error) {
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

// number returns the number after key at the start of a line, or zero.
func number(text []byte, key string) memtools.Bytes {
	n, _ := cgroup.Keyed(text, key)
	return memtools.Bytes(n)
}
