// Package chaos builds random workspaces of real processes inside real memory limits,
// does harm meanwhile, and checks what must hold all the same:
//
//   - the kernel kills nothing if each task fits alone, and either the needs are known
//     or all growth together stays below a stated rate (above it, kills are counted);
//   - no process and no temporary file is left, except if heapmage and its reaper are
//     killed within a moment of each other;
//   - the history and the record can be read, and the record agrees with the exit code;
//   - each task that can succeed has, after what it depends on, and no other;
//   - nothing outside of the workspace has changed, and in it only outputs.
//
// A seed gives a plan and its faults: the same seed repeats both. It does not fix when
// the processes and the faults meet in time.
package chaos

import (
	"io"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Options are how long, and what.
type Options struct {
	// Binary is the compiled targets of heapmage.
	Binary string
	// Dir is the folder for the workspaces, on a disk.
	Dir string
	// Seed is that of the first plan; each further plan has the next number.
	Seed uint64
	// Plans is how many plans to carry out. Zero is as many as the time allows.
	Plans int
	// Time is when to start no further plan.
	Time time.Duration
	// Rate is how fast memory may grow before kills by the kernel are excused, in
	// bytes a second.
	Rate memtools.Bytes
	// Machine is set in a machine that is there for nothing else: its clock is set, too, and
	// the tasks need neither Node nor a disk.
	Machine bool
	// Without are kinds of fault to leave out. The plans stay the same otherwise.
	Without []Kind
	// Out gets a line for each plan, and the report.
	Out io.Writer
}

// Kind is a kind of fault.
type Kind string

// The kinds. Those that say "ends" end the run: it is then built once more in peace.
const (
	KillTask     Kind = "kill-task"     // a task's process is killed
	KillHeapmage Kind = "kill-heapmage" // ends: heapmage is killed
	KillReaper   Kind = "kill-reaper"   // the reaper is killed
	KillBoth     Kind = "kill-both"     // ends: the reaper is killed, and then heapmage
	Interrupt    Kind = "interrupt"     // ends: SIGINT
	Terminate    Kind = "terminate"     // ends: SIGTERM
	FullDisk     Kind = "full-disk"     // the disk with .heapmage is full for some time
	Foreign      Kind = "foreign"       // a process of others takes memory; the largest task still fits
	Squeeze      Kind = "squeeze"       // as foreign, but the largest task does not fit until it ends
	Stop         Kind = "stop"          // heapmage is stopped (SIGSTOP) for some time
	Stall        Kind = "stall"         // its output is not read for some time
	ReaderGone   Kind = "reader-gone"   // its output is never read again
	Wipe         Kind = "wipe"          // .heapmage is removed
	Lock         Kind = "lock"          // the lock of the history is held for some time
	Neighbour    Kind = "neighbour"     // a second heapmage builds in the same limit
	Clock        Kind = "clock"         // the time of day is set for some time; only with Options.Machine
)

// allKinds are all kinds of fault that are drawn anywhere.
var allKinds = []Kind{KillTask, KillHeapmage, KillReaper, KillBoth, Interrupt, Terminate, FullDisk, Foreign, Squeeze,
	Stop, Stall, ReaderGone, Wipe, Lock, Neighbour}
