package oom

import "github.com/heapmage/heapmage/memtools"

// Stop says why the caller itself ended the process.
type Stop string

// The reasons to stop a process. The empty Stop means that the caller did not.
const (
	NotStopped    Stop = ""
	StopPressure  Stop = "pressure"
	StopTimeout   Stop = "timeout"
	StopInterrupt Stop = "interrupt"
)

// Evidence is what is known about a process that has ended. The zero value is
// that of a success. An amount of zero means unknown.
type Evidence struct {
	// ExitCode is the exit code. A shell's 128+n counts as signal n. It is ignored
	// where Signal is set.
	ExitCode int
	// Signal is the POSIX number of the signal that ended the process, zero where
	// none did. SignalNumber translates a name.
	Signal int
	// Seen is what a Scanner found in the whole output.
	Seen Findings
	// Tail is the end of the output. It is read only where Seen is that of no
	// output, as V8's text may lie far before the end.
	Tail []byte
	// HeapLimit is V8's heap limit as the caller set it.
	HeapLimit memtools.Bytes
	// Budget is what the process tree could use at most: the smaller of its budget
	// and the limit of its cgroup or machine.
	Budget memtools.Bytes
	// Last and Peak are the last and the highest measured usage of the tree.
	Last, Peak memtools.Bytes
	// Available is the memory that was left at the last sample before the end. It
	// counts, zero included, only where AvailableKnown is set.
	Available      memtools.Bytes
	AvailableKnown bool
	// CgroupOOMKill is set where the oom_kill counter of the process's cgroup rose
	// while it ran. With a kill it proves the kernel's act.
	CgroupOOMKill bool
	// HostOOMKill is set where oom_kill of /proc/vmstat rose. It counts the whole
	// host, so it only suggests.
	HostOOMKill bool
	// Stopped is set where the caller ended the process, before it ended by itself.
	Stopped Stop
}

// used returns the most that the tree is known to have used.
func (e Evidence) used() memtools.Bytes { return max(e.Peak, e.Last) }

// shortMargin is the room below which an allocation of a build tool between two
// samples may have passed the limit: an eighth of the budget, at least 64 MB.
func (e Evidence) shortMargin() memtools.Bytes { return max(e.Budget/8, 64*memtools.MB) }

// short reports whether memory was short when the process ended.
func (e Evidence) short() bool {
	if e.AvailableKnown && e.Available <= e.shortMargin() {
		return true
	}
	return e.Budget > 0 && e.used() > 0 && e.Budget-e.used() <= e.Budget/8
}

// ample reports whether so much memory was left that a shortage is out of the
// question: half the budget, and no less than 1 GB.
func (e Evidence) ample() bool {
	return e.AvailableKnown && e.Available >= max(e.Budget/2, memtools.GB)
}
