package memtools

// Limits are what memory this process, with all below it, may use.
type Limits struct {
	// Machine is the machine's memory.
	Machine Bytes
	// Swap is the machine's swap space; zero where there is none.
	Swap Bytes
	// Effective is the smallest of Machine and the hard limits of all cgroups
	// above this process.
	Effective Bytes
	// EffectiveSource says what sets Effective, for people: "the machine's
	// memory", "cgroup v2 /docker/1f0c".
	EffectiveSource string
	// Soft is the smallest memory.high of the cgroups above this process, zero
	// where there is none. Beyond it the kernel does not kill, but slows
	// processes down until they come to a halt. It may be above Effective.
	Soft Bytes
	// SoftSource says what sets Soft, as EffectiveSource does.
	SoftSource string
	// Available is what may be got now before something is swapped out or
	// killed: see the function Available.
	Available Bytes
	// CPUQuota is the processor time that the cgroups above this process grant,
	// in cores; zero where they set no quota.
	CPUQuota float64
	// Cgroups are the cgroups above this process that bound memory, the nearest
	// first.
	Cgroups []Cgroup
}

// Cgroup is one cgroup above this process that bounds memory.
type Cgroup struct {
	// Version is 1 or 2.
	Version int
	// Path is the cgroup's path as /proc/self/cgroup shows it.
	Path string
	// Limit is the hard limit (memory.max, memory.limit_in_bytes); zero where it
	// is not set.
	Limit Bytes
	// Soft is memory.high; zero where it is not set.
	Soft Bytes
	// Used is what counts against the limit and cannot simply be dropped: the
	// cgroup's usage less its pages of files.
	Used Bytes
}

// ReadLimits reads the limits as they are now. The error is errors.ErrUnsupported
// where the system cannot tell them; a cgroup controller that is not there is no
// error.
func ReadLimits() (Limits, error) { return readLimits() }

// Available returns what memory this process, with all below it, may get now
// before something is swapped out or killed: the smallest of the machine's
// available memory and, for each cgroup above, its hard limit less its usage,
// where the pages of files that the kernel would drop first do not count as
// used. It is never negative, and cheap enough to be called 20 times a second.
func Available() (Bytes, error) { return readAvailable() }

// OOMCounts count the processes that the kernel killed for want of memory. Only
// how they grow means something: read them before and after.
type OOMCounts struct {
	// Cgroup counts those of this process's own cgroup and, with cgroup v2, of
	// the cgroups below it. A rise proves that one of them was killed for memory.
	Cgroup Counter
	// Host counts those of the whole machine. A rise only suggests.
	Host Counter
}

// Counter is a count that may be unknown.
type Counter struct {
	Value int64
	// Known is false where the system does not count; Value is zero then.
	Known bool
}

// Since returns how much c grew since before. A count that either does not know
// is unknown.
func (c OOMCounts) Since(before OOMCounts) OOMCounts {
	return OOMCounts{Cgroup: c.Cgroup.since(before.Cgroup), Host: c.Host.since(before.Host)}
}

func (c Counter) since(before Counter) Counter {
	if !c.Known || !before.Known {
		return Counter{}
	}
	return Counter{Value: max(c.Value-before.Value, 0), Known: true}
}

// OOMKills reads the counts. The error is errors.ErrUnsupported where the system
// counts neither.
func OOMKills() (OOMCounts, error) { return readOOMKills() }
