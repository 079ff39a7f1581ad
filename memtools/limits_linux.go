package memtools

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/heapmage/heapmage/internal/cgroup"
)

// theMachine is Limits.EffectiveSource if no cgroup sets the limit.
const theMachine = "the machine's memory"

func readLimits() (Limits, error)      { return thisHost.limits() }
func readHeadroom() (Headroom, error)  { return thisHost.headroom() }
func readOOMKills() (OOMCounts, error) { return thisHost.oomKills() }
func readShmem() (Bytes, error)        { return thisHost.shmem() }

var thisHost = &host{root: "/"}

// limits reads all of Limits.
func (h *host) limits() (Limits, error) {
	cgroups, err := h.cgroups()
	if err != nil {
		return Limits{}, err
	}
	info, err := h.meminfo()
	if err != nil {
		return Limits{}, err
	}
	total := Bytes(info.Total)
	l := Limits{Machine: total, Swap: Bytes(info.Swap), Effective: total, EffectiveSource: theMachine, Available: Bytes(info.Available)}
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

// headroom reads only what Headroom needs.
func (h *host) headroom() (Headroom, error) {
	cgroups, err := h.cgroups()
	if err != nil {
		return Headroom{}, err
	}
	info, err := h.meminfo()
	if err != nil {
		return Headroom{}, err
	}
	room := Headroom{Available: Bytes(info.Available), Swap: Bytes(info.SwapFree)}
	pressure := ""
	for _, c := range cgroups.memory {
		g, err := c.readMemory()
		if err != nil {
			return Headroom{}, err
		}
		room.Available = g.available(room.Available)
		if room.Swap, err = c.swap(g, room.Swap); err != nil {
			return Headroom{}, err
		}
		if pressure == "" && c.Version == 2 && (g.Limit > 0 || g.Soft > 0) {
			pressure = c.Dir + "/memory.pressure"
		}
	}
	text, err := readOptional(cmp.Or(pressure, h.path("/proc/pressure/memory")))
	room.Stalled, _ = cgroup.Stalled(text)
	return room, err
}

// shmem is the shared memory that exists, mapped or not: that of the nearest cgroup that
// counts it, or else of the machine.
func (h *host) shmem() (Bytes, error) {
	cgroups, err := h.cgroups()
	if err != nil {
		return 0, err
	}
	for _, c := range cgroups.memory {
		key := "shmem"
		if c.Version == 1 {
			key = "total_shmem"
		}
		if stat, err := readOptional(c.Dir + "/memory.stat"); err == nil {
			if n, ok := cgroup.Keyed(stat, key); ok {
				return Bytes(n), nil // those above have it too
			}
		}
	}
	info, err := h.meminfo()
	if err == nil && info.Shmem < 0 {
		err = errors.ErrUnsupported
	}
	return Bytes(info.Shmem), err
}

// available returns how much the cgroup leaves of what the others leave.
func (g Cgroup) available(others Bytes) Bytes {
	for _, limit := range []Bytes{g.Limit, g.Soft} {
		if limit > 0 {
			others = min(others, max(limit-g.Used, 0))
		}
	}
	return others
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
		if own.Version == 2 {
			name = "memory.events"
		}
		if counts.Cgroup, err = readCounter(own.Dir + "/" + name); err != nil {
			return counts, err
		}
	}
	if counts.Host, err = readCounter(h.path("/proc/vmstat")); err != nil {
		return counts, err
	}
	if !counts.Cgroup.Known && !counts.Host.Known {
		return counts, fmt.Errorf("count processes killed for lack of memory: %w", errors.ErrUnsupported)
	}
	return counts, nil
}

// readCounter reads the line oom_kill of a file of keys and numbers.
func readCounter(path string) (Counter, error) {
	text, err := readOptional(path)
	if err != nil {
		return Counter{}, err
	}
	n, ok := cgroup.Keyed(text, "oom_kill")
	return Counter{Value: n, Known: ok}, nil
}
