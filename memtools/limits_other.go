//go:build !linux

package memtools

import (
	"errors"
	"fmt"

	"github.com/shirou/gopsutil/v3/mem"
)

func readLimits() (Limits, error) {
	m, err := mem.VirtualMemory()
	if err != nil {
		return Limits{}, fmt.Errorf("read the machine's memory: %w", err)
	}
	l := Limits{Machine: Bytes(m.Total), Effective: Bytes(m.Total), EffectiveSource: "the machine's memory"}
	if l.Available, err = readAvailable(); err != nil {
		return Limits{}, err
	}
	swap, err := mem.SwapMemory()
	if err != nil {
		return Limits{}, fmt.Errorf("read the machine's swap space: %w", err)
	}
	l.Swap = Bytes(swap.Total)
	return l, nil
}

func readHeadroom() (room Headroom, err error) {
	room.Available, err = readAvailable()
	return room, err
}

// readVirtual asks gopsutil.
func readVirtual() (Bytes, error) {
	m, err := mem.VirtualMemory()
	if err != nil {
		return 0, fmt.Errorf("read the machine's memory: %w", err)
	}
	return Bytes(m.Available), nil
}

func readShmem() (Bytes, error) { return 0, errors.ErrUnsupported }

func readOOMKills() (OOMCounts, error) {
	return OOMCounts{}, fmt.Errorf("count processes killed for lack of memory: %w", errors.ErrUnsupported)
}
