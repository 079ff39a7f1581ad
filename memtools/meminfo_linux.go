package memtools

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/cgroup"
	"github.com/heapmage/heapmage/internal/proctable"
)

type meminfo struct{ total, available, swap Bytes }

// meminfo reads proc_meminfo(5).
func (h *host) meminfo() (meminfo, error) {
	text, err := proctable.ReadFile(h.path("/proc/meminfo"))
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
		n, ok := cgroup.Keyed(text, key+":")
		return Bytes(min(n, 1<<52)) * KB, ok
	}
	total, ok := value("MemTotal")
	swap, _ := value("SwapTotal")
	available, told := value("MemAvailable")
	if !told { // by kernels before 3.14 and some sandboxes
		free, _ := value("MemFree")
		cached, _ := value("Cached")
		available = free + cached
	}
	return meminfo{total: total, swap: swap, available: available}, ok
}

// readOptional reads a file that may be missing because its controller is off, the
// kernel is older or the cgroup is gone.
func readOptional(path string) ([]byte, error) {
	text, err := proctable.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a memory limit: %w", err)
	}
	return bytes.TrimSpace(text), nil
}
