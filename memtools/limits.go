package memtools

import "time"

// Limits are the limits on the memory of this process and everything below it.
type Limits struct {
	// Machine is the machine's memory.
	Machine Bytes
	// Swap is the machine's swap space. Zero if there is none.
	Swap Bytes
	// Effective is the smallest of Machine and the hard limits of all cgroups above
	// this process.
	Effective Bytes
	// EffectiveSource names what sets Effective, for people: "the machine's memory",
	// "cgroup v2 /docker/1f0c".
	EffectiveSource string
	// Soft is the smallest memory.high of the cgroups above this process, or zero.
	// Beyond it the kernel does not kill processes but slows them down, almost to a
	// halt. It may be above Effective.
	Soft Bytes
	// SoftSource names what sets Soft, as EffectiveSource does.
	SoftSource string
	// Available is what the function Available returns.
	Available Bytes
	// CPUQuota is the processor time that the cgroups above this process grant, in
	// cores. Zero means no quota.
	CPUQuota float64
	// Cgroups are the cgroups above this process that limit memory, the nearest
	// first.
	Cgroups []Cgroup
}

// Cgroup is a cgroup above this process that limits memory.
type Cgroup struct {
	// Version is 1 or 2.
	Version int
	// Path is the cgroup's path as /proc/self/cgroup shows it.
	Path string
	// Limit is the hard limit (memory.max, memory.limit_in_bytes). Zero means none.
	Limit Bytes
	// Soft is memory.high. Zero means none.
	Soft Bytes
	// Used is what counts against the limit and cannot simply be dropped: the
	// cgroup's usage less its file pages.
	Used Bytes
}

// ReadLimits reads the current limits. The error is errors.ErrUnsupported if the
// system cannot tell them. A missing cgroup controller is no error.
func ReadLimits() (Limits, error) { return readLimits() }

// Available returns how much more memory this process and everything below it can
// get before something is swapped out, slowed down or killed. It is the smallest of the
// machine's available memory and, for each cgroup above, its hard limit or memory.high
// less its usage. File pages, which the kernel drops first, do not count as used.
//
// It is never negative, and takes about 0.1 ms, cheap enough for 20 calls a
// second.
func Available() (Bytes, error) {
	room, err := readHeadroom()
	return room.Available, err
}

// Headroom is what this process and everything below it can still get.
type Headroom struct {
	// Available is what the function Available returns.
	Available Bytes
	// Swap is the swap space that can be used beyond that before the kernel kills. Linux
	// only; zero elsewhere.
	Swap Bytes
	// Stalled is for how long, in all, some process has waited for memory (the kernel's
	// PSI): in the nearest cgroup above that limits memory, or on the machine. Only its
	// growth means something. Zero if the system does not tell.
	Stalled time.Duration
}

// ReadHeadroom reads the current headroom. It takes little longer than Available.
func ReadHeadroom() (Headroom, error) { return readHeadroom() }

// OOMCounts count the processes that the kernel has killed for lack of memory.
// Only their growth means something: read them before and after.
type OOMCounts struct {
	// Cgroup is the count of this process's cgroup and, with cgroup v2, of the
	// cgroups below it. Growth proves that one of their processes was killed.
	Cgroup Counter
	// Host is the count of the whole machine. Growth is only a hint.
	Host Counter
}

// Counter is a count that may be unknown.
type Counter struct {
	Value int64
	// Known is false if the system does not count. Value is zero then.
	Known bool
}

// OOMKills reads the counts. The error is errors.ErrUnsupported if the system
// keeps neither.
func OOMKills() (OOMCounts, error) { return readOOMKills() }

// Since returns the growth from before to c. It is unknown if either count is.
func (c OOMCounts) Since(before OOMCounts) OOMCounts {
	return OOMCounts{Cgroup: c.Cgroup.since(before.Cgroup), Host: c.Host.since(before.Host)}
}

func (c Counter) since(before Counter) Counter {
	if !c.Known || !before.Known {
		return Counter{}
	}
	return Counter{Value: max(c.Value-before.Value, 0), Known: true}
}
