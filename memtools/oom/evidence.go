package oom

import (
	"os"
	"syscall"

	"github.com/heapmage/heapmage/memtools"
)

// Stop is why the caller ended the process. The zero value is NotStopped.
type Stop string

// Why the caller may have ended the process.
const (
	NotStopped    Stop = ""          // the caller did not end it
	StopPressure  Stop = "pressure"  // to free memory for others
	StopTimeout   Stop = "timeout"   // at a time limit
	StopInterrupt Stop = "interrupt" // because the caller itself was interrupted
)

// Evidence is what is known about a process that has ended. The zero value is a
// success, and EvidenceOf starts one from os/exec. An amount of zero means unknown.
type Evidence struct {
	// ExitCode is the exit code; a shell's 128+n counts as signal n. It is ignored if
	// Signal is set. The -1 that os.ProcessState reports for a signal is a Failure
	// unless Signal is set as well.
	ExitCode int
	// Signal is the POSIX number of the signal that ended the process. Zero means
	// none. SignalNumber translates a name.
	Signal int
	// Seen is what a Scanner found in the whole output.
	Seen Findings
	// Tail is the end of the output, for callers that keep only that. It is ignored if
	// a Scanner saw output. V8's text can be far from the end, where a tail misses it.
	Tail []byte
	// HeapLimit is V8's heap limit that the caller set for the process
	// (--max-old-space-size).
	HeapLimit memtools.Bytes
	// Heap is the largest V8 heap that was seen in the process. It stands in for V8's own
	// text if the output was not seen: a process that aborts with its heap at HeapLimit
	// ran out of it.
	Heap memtools.Bytes
	// ScriptHeapLimits are limits that some of its processes have instead, because the script
	// sets them itself, or drops HeapLimit so that V8's own is in force.
	ScriptHeapLimits []memtools.Bytes
	// HeapLimitUnsure is set if some of its processes have a limit instead that is not known.
	HeapLimitUnsure bool
	// Budget is the most that the process tree could use: its budget, or the limit of
	// its cgroup or machine if that is smaller.
	Budget memtools.Bytes
	// Last and Peak are the last and the highest measured usage of the tree.
	Last, Peak memtools.Bytes
	// Processes is how many processes of similar size made up Peak. Zero means unknown.
	Processes int
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
	// OwnLimit is the limit of a smaller cgroup that processes of the tree were in, and
	// OwnCgroup names it, as in "cgroup v2 /build". OwnOOMKill is set if its oom_kill
	// counter grew.
	OwnLimit   memtools.Bytes
	OwnCgroup  string
	OwnOOMKill bool
	// Stopped is set if the caller ended the process before it ended by itself.
	Stopped Stop
	// MoreRoom tells how to raise Budget to at least want, such as "raise the container's
	// limit from 1500MB to at least 1.7GB". It is called for the advice only. Nil, or no
	// text, leaves the advice general.
	MoreRoom func(want memtools.Bytes) string
}

// EvidenceOf returns Evidence with the exit code and the signal in state, such as
// os/exec.Cmd.ProcessState after Wait. Add what else is known, above all Seen. For
// nil, the state of a command that did not start, the exit code is -1.
func EvidenceOf(state *os.ProcessState) Evidence {
	e := Evidence{ExitCode: state.ExitCode()} // -1 for nil
	if state == nil {
		return e
	}
	status, ok := state.Sys().(interface {
		Signaled() bool
		Signal() syscall.Signal
	})
	if ok && status.Signaled() {
		e.Signal = int(status.Signal())
	}
	return e
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
	return e.usedAllBut(e.Budget / 8)
}

// nearlyFull reports whether a program that watches memory may have acted: earlyoom does
// so from a tenth of it on.
func (e Evidence) nearlyFull() bool {
	const share = 10
	return e.AvailableKnown && e.Budget > 0 && e.Available <= e.Budget/share || e.usedAllBut(e.Budget/share)
}

// usedAllBut reports whether the tree left no more than a rest of its budget.
func (e Evidence) usedAllBut(rest memtools.Bytes) bool {
	return e.Budget > 0 && e.used() > 0 && e.Budget-e.used() <= rest
}

// ample reports whether so much memory was left that a shortage is out of the
// question: half the budget, and at least 1 GB.
func (e Evidence) ample() bool {
	return e.AvailableKnown && e.Available >= max(e.Budget/2, memtools.GB)
}

// byOwnLimit reports whether a kill by the kernel was for the limit of the smaller cgroup
// rather than for the budget.
func (e Evidence) byOwnLimit() bool {
	return e.OwnLimit > 0 && (e.Budget == 0 || e.OwnLimit < e.Budget) && (e.OwnOOMKill || !e.short())
}
