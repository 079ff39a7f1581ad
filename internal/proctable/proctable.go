// Package proctable reads the system's process table and decides which
// processes belong to the tree of a command.
//
// It holds the only rules for both. A process is identified by its PID and its
// start time together. A tree is found by its root, session, process group,
// descent and marks (see Root). The package measures memory on Linux only: other
// systems tell it through libraries that belong to package memtools.
//
// A table is never read at one moment: processes start and end meanwhile. Code
// that signals from it must compare identities again (Signal does) and look
// again until nothing is left.
package proctable

import (
	"errors"
	"time"
)

// Identity identifies a process even if its PID is reused.
type Identity struct {
	PID int
	// Start is the start time in a unit of the system: clock ticks since boot on
	// Linux, nanoseconds elsewhere. It is for comparison only. Zero matches any
	// process with the PID.
	Start uint64
}

// Process is one process of the table.
type Process struct {
	Identity
	// PPID is the parent's PID: that of init or of a subreaper once the parent has
	// ended.
	PPID int
	// Group and Session are the process group's and the session's id. Zero if the
	// system has none.
	Group, Session int
	// Zombie is set once all threads have ended. A process whose main thread ended
	// alone is still alive.
	Zombie bool
	// Stopped is set while a signal keeps the process from running. Linux only.
	Stopped bool
	// Kernel is set for a thread of the kernel. Linux only.
	Kernel bool
	// Image is the place of the program's stack, which an exec chooses anew at random
	// and a fork keeps: processes with the same Image are forks of one program that
	// have not called exec. Zero if unknown. Linux only.
	Image uint64
}

// figures are what is measured of a process.
type figures struct {
	Process
	// Usage is the memory of the process itself in bytes: anonymous, shared and
	// swapped memory on Linux, the physical footprint on macOS, the resident set elsewhere.
	Usage int64
	// Shmem is the part of Usage that is shared memory: shm files, tmpfs files that
	// are mapped, shared anonymous mappings. Linux only.
	Shmem int64
	// RSS is the resident set in bytes.
	RSS int64
	// MaxRSS is the highest that RSS ever was, since the last exec. Linux only.
	MaxRSS int64
	// Command is the command line, at most 200 bytes of it, or the program's name
	// if there is none.
	Command string
	// CPU is the processor time of its threads. Linux only.
	CPU time.Duration
	// ChildCPU is that of the children that it has waited for, and of theirs. Linux only.
	ChildCPU time.Duration
}

// Share is the part of its memory that is a process's own if each page counts once:
// a page of n processes counts an n-th in each. Amounts are in bytes.
type Share struct {
	Private int64 // anonymous memory, resident or swapped out
	Shmem   int64
}

// Listed is one entry of Table.List.
type Listed struct {
	PID int
	// Serial differs between two processes that had the same PID. It may also
	// change for one and the same process; then Start decides. Always zero on
	// systems without such a number.
	Serial uint64
}

// ErrNoFiles is returned if no descriptor is left to read with.
var ErrNoFiles = errors.New("too many open files")

// LongestCommand bounds Measured.Command in bytes.
const LongestCommand = 200
