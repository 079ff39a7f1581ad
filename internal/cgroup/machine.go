package cgroup

// Machine is the memory of the whole machine in bytes, as /proc/meminfo tells it.
type Machine struct {
	Total, Available, Swap int64
	// Shmem is shared memory, mapped or not, and files on tmpfs. -1 if it is not told.
	Shmem int64
	// SwapFree is the part of Swap that is not used.
	SwapFree int64
}

// ParseMachine parses proc_meminfo(5). It is false without the total.
func ParseMachine(text []byte) (m Machine, ok bool) {
	value := func(key string) (int64, bool) {
		n, ok := Keyed(text, key+":")
		return min(n, 1<<52) << 10, ok
	}
	m.Total, ok = value("MemTotal")
	m.Swap, _ = value("SwapTotal")
	m.SwapFree, _ = value("SwapFree")
	var told bool
	if m.Shmem, told = value("Shmem"); !told {
		m.Shmem = -1
	}
	if m.Available, told = value("MemAvailable"); !told { // by kernels before 3.14 and some sandboxes
		free, _ := value("MemFree")
		cached, _ := value("Cached")
		m.Available = free + cached
	}
	return m, ok
}
