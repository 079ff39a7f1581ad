package memtools

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// theMachine is the source of a limit that no cgroup sets.
const theMachine = "the machine's memory"

func readLimits() (Limits, error)      { return thisHost.limits() }
func readAvailable() (Bytes, error)    { return thisHost.available() }
func readOOMKills() (OOMCounts, error) { return thisHost.oomKills() }

var thisHost = &host{root: "/"}

// limits reads everything that Limits tells.
func (h *host) limits() (Limits, error) {
	cgroups, err := h.cgroups()
	if err != nil {
		return Limits{}, err
	}
	info, err := h.meminfo()
	if err != nil {
		return Limits{}, err
	}
	l := Limits{Machine: info.total, Swap: info.swap, Effective: info.total, EffectiveSource: theMachine, Available: info.available}
	for _, c := range cgroups.memory {
		g, err := c.readMemory()
		if err != nil {
			return Limits{}, err
		}
		if g.Limit == 0 && g.Soft == 0 {
			continue
		}
		if g.Limit > 0 && g.Limit < l.Effective {
			l.Effective, l.EffectiveSource = g.Limit, c.String()
		}
		if g.Soft > 0 && (l.Soft == 0 || g.Soft < l.Soft) {
			l.Soft, l.SoftSource = g.Soft, c.String()
		}
		l.Available = g.available(l.Available)
		l.Cgroups = append(l.Cgroups, g)
	}
	for _, c := range cgroups.cpu {
		quota, err := c.readQuota()
		if err != nil {
			return Limits{}, err
		}
		if quota > 0 && (l.CPUQuota == 0 || quota < l.CPUQuota) {
			l.CPUQuota = quota
		}
	}
	return l, nil
}

// available reads only what Available needs.
func (h *host) available() (Bytes, error) {
	cgroups, err := h.cgroups()
	if err != nil {
		return 0, err
	}
	info, err := h.meminfo()
	if err != nil {
		return 0, err
	}
	available := info.available
	for _, c := range cgroups.memory {
		g, err := c.readMemory()
		if err != nil {
			return 0, err
		}
		available = g.available(available)
	}
	return available, nil
}

// available returns what there is to get where others leave that much.
func (g Cgroup) available(others Bytes) Bytes {
	if g.Limit == 0 {
		return others
	}
	return min(others, max(g.Limit-g.Used, 0))
}

func (h *host) oomKills() (OOMCounts, error) {
	var counts OOMCounts
	cgroups, err := h.cgroups()
	if err != nil {
		return counts, err
	}
	if len(cgroups.memory) > 0 {
		own := cgroups.memory[0]
		name := "memory.oom_control"
		if own.version == 2 {
			name = "memory.events"
		}
		if counts.Cgroup, err = readCounter(own.dir + "/" + name); err != nil {
			return counts, err
		}
	}
	if counts.Host, err = readCounter(h.path("/proc/vmstat")); err != nil {
		return counts, err
	}
	if !counts.Cgroup.Known && !counts.Host.Known {
		return counts, fmt.Errorf("count processes killed for memory: %w", errors.ErrUnsupported)
	}
	return counts, nil
}

// readCounter reads the line oom_kill of a file of names and numbers.
func readCounter(path string) (Counter, error) {
	text, err := readOptional(path)
	if err != nil {
		return Counter{}, err
	}
	n, ok := keyed(text, "oom_kill")
	return Counter{Value: n, Known: ok}, nil
}

type meminfo struct{ total, available, swap Bytes }

// meminfo reads proc_meminfo(5).
func (h *host) meminfo() (meminfo, error) {
	text, err := readSmall(h.path("/proc/meminfo"))
	if err != nil {
		return meminfo{}, fmt.Errorf("read the machine's memory: %w", err)
	}
	m, ok := parseMeminfo(text)
	if !ok {
		return m, fmt.Errorf("%s has no MemTotal", h.path("/proc/meminfo"))
	}
	return m, nil
}

func parseMeminfo(text []byte) (meminfo, bool) {
	value := func(key string) (Bytes, bool) {
		n, ok := keyed(text, key+":")
		return Bytes(min(n, 1<<52)) * KB, ok
	}
	total, ok := value("MemTotal")
	swap, _ := value("SwapTotal")
	available, told := value("MemAvailable")
	if !told { // kernels before 3.14, and some sandboxes
		free, _ := value("MemFree")
		cached, _ := value("Cached")
		available = free + cached
	}
	return meminfo{total: total, swap: swap, available: available}, ok
}

// keyed returns the number in the line "key number …". A number that is not
// one, or negative, counts as a missing line.
func keyed(text []byte, key string) (int64, bool) {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		rest, ok := bytes.CutPrefix(line, []byte(key))
		if !ok || len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
			continue
		}
		number, _, _ := bytes.Cut(bytes.TrimLeft(rest, " \t"), []byte{' '})
		n, err := strconv.ParseInt(string(number), 10, 64)
		return n, err == nil && n >= 0
	}
	return 0, false
}

// readOptional reads a file that may be missing: its controller is off, its
// kernel is older, its cgroup is gone.
func readOptional(path string) ([]byte, error) {
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a memory limit: %w", err)
	}
	return bytes.TrimSpace(text), nil
}

// readSmall is os.ReadFile for kernel files, at half its cost: os.File would
// have each of them watched for readiness.
func readSmall(path string) ([]byte, error) {
	fd, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	text := make([]byte, 0, 2048)
	for {
		n, err := retry(func() (int, error) { return unix.Read(fd, text[len(text):cap(text)]) })
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return text, nil
		}
		if text = text[:len(text)+n]; len(text) == cap(text) {
			text = slices.Grow(text, len(text))
		}
	}
}
