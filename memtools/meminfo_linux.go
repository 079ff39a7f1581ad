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

// meminfo reads proc_meminfo(5).
func (h *host) meminfo() (cgroup.Machine, error) {
	text, err := proctable.ReadFile(h.path("/proc/meminfo"))
	if err != nil {
		return cgroup.Machine{}, fmt.Errorf("read the machine's memory: %w", err)
	}
	m, ok := cgroup.ParseMachine(text)
	if !ok {
		return m, fmt.Errorf("%s has no MemTotal", h.path("/proc/meminfo"))
	}
	return m, nil
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
