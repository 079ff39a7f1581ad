package oom

import "github.com/heapmage/heapmage/memtools"

// Stop is why the caller ended the process.
type Stop string

const (
	NotStopped    Stop = ""          // the caller did not end it
	StopPressure  Stop = "pressure"  // to free memory for others
	StopTimeout   Stop = "timeout"   // at a time limit
	StopInterrupt Stop = "interrupt" // because the caller itself was interrupted
)

// Evidence is what is known about a process that has ended. The zero value is a
// success. An amount of zero means unknown.
type Evidence struct {
	// ExitCode is the exit code; a shell's 128+n counts as signal n. It is ignored if
	// Signal is set.
	ExitCode int
	// Signal is the POSIX number of the signal that ended the process, or zero.
	// SignalNumber translates a name.
	Signal int
	// Seen is what a Scanner found in the whole output.
	Seen Findings
	// Tail is the end of the output. It is read only if Seen comes from no output. A
	// tail may miss V8's text, which can be far from the end.
	Tail []byte
	// HeapLimit is V8's heap limit that the caller set for the process.
	HeapLimit memtools.Bytes
	// Budget is the most that the process tree could use: its budget, or the limit of
	// its cgroup or machine if that is smaller.
	Budget memtools.Bytes
	// Last and Peak are the last and the highest measured usage of the tree.
	Last, Peak memtools.Bytes
	// Available is the memory that was left at the last sample before the end. It
	// counts, even if zero, only if AvailableKnown is set.
	Available      memtools.Bytes
	AvailableKnown bool
	// CgroupOOMKill is set if the oom_kill counter of the process's cgroup grew while
	// it ran. Together with a kill it proves that the kernel did it.
	CgroupOOMKill bool
	// HostOOMKill is set if oom_kill in /proc/vmstat grew. It counts the whole host,
	// so it is only a hint.
	HostOOMKill bool
	// Stopped is set if the caller ended the process before it ended by itself.
	Stopped Stop
}

// used returns the most that the tree is known to have used.
func (e Evidence) used() memtools.Bytes { return max(e.Peak, e.Last) }

// shortMargin is the room within which an allocation between two samples may have
// passed the limit: an eighth of the budget, at least 64 MB.
func (e Evidence) shortMargin() memtools.Bytes { return max(e.Budget/8, 64*memtools.MB) }

// short reports whether memory was short when the process ended.
func (e Evidence) short() bool {
	if e.AvailableKnown && e.Available <= e.shortMargin() {
		return true
	}
	return e.Budget > 0 && e.used() > 0 && e.Budget-e.used() <= e.Budget/8
}

// ample reports whether so much memory was left that a shortage is out of the
// question: half the budget, and at least 1 GB.
func (e Evidence) ample() bool {
	return e.AvailableKnown && e.Available >= max(e.Budget/2, memtools.GB)
}
