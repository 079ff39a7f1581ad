// Package sighting finds the tasks that a task runner starts without a shell that could be
// replaced: those of make, just, yarn 4, wireit, concurrently, nx:run-commands, and of pnpm with
// its own shell. It looks at the processes below the runner; it starts, stops and changes none.
//
// A unit is the process tree of one task: a child of a process that hands out work, with all of
// its descendants. Units never overlap. What hands out work is known by its name (a launcher),
// or by having children that work in different packages of the workspace.
//
// A look takes some 10 µs of processor time if no process has begun anywhere, and a few tenths
// of a millisecond for each task that has. It reads the table of processes only, so a process
// that begins and ends between two looks, of which there are 4 to 200 in a second, is never seen.
// Nor is one that has lost its parent by the first look at it.
package sighting

import (
	"time"

	"github.com/heapmage/heapmage/internal/clock"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Unit is a task that was seen.
type Unit struct {
	// Leader is the process that the task begins and ends with; its descendants belong to it.
	Leader proctable.Identity
	// Folder is where the task works, relative to the workspace, with slashes. It is "." for
	// the workspace itself, and empty for a folder outside of it.
	Folder string
	// Command is what the task runs, such as "tsc -p .": the same in each run and on each
	// machine, at most 200 bytes, without values that look like secrets. It tells tasks of one
	// folder apart; it is not made to be run.
	Command string
	// Package is the name of the package that the folder belongs to, or that Nx tells; empty if
	// there is none.
	Package string
	// Script is the name of the package's script that runs this command, perhaps with more
	// arguments, empty if none does.
	Script string
	// Part is true if the script runs other programs, too.
	Part bool
}

// Sighted is what has changed between two looks. Began comes last: a leader that was divided
// may lead another unit since.
type Sighted struct {
	Ended []Unit
	// Divided are units that turned out to hand out work. Their leaders still live, but are
	// tasks no longer: what they started is in Began, or in a later look's.
	Divided []Unit
	Began   []Unit
	// Next is the time after which to look again, if nothing wakes before.
	Next time.Duration
}

// The times between two looks. Node needs 40 to 100 ms for its first 50 MB.
const (
	whilePending = 5 * time.Millisecond  // a process is about to call exec
	unwoken      = 20 * time.Millisecond // only looks find what begins
	woken        = 50 * time.Millisecond // programs that were not met before do not wake
	// whileRoomy is the interval while memory is plentiful, when nothing needs to be held back. It is
	// that of the samples of memory and of the clock's beats, so that one waking does for all.
	whileRoomy = 250 * time.Millisecond
)

// Watcher looks at the processes below a runner. It is not safe for concurrent use.
type Watcher struct {
	tree   *tree
	system *system
}

// New begins to watch the process root and what is below it. shim is the absolute path of the
// program that stands in for the shell (see package shim): a process that runs it hands out
// work, unless it is admitted. The error is errors.ErrUnsupported on systems whose process table
// cannot be read. Close the watcher after use.
func New(root int, w *workspace.Workspace, shim string) (*Watcher, error) {
	s, err := openSystem()
	if err != nil {
		return nil, err
	}
	return &Watcher{newTree(s, root, w, shim), s}, nil
}

// Woken receives a value when it is time to look: a program that was met before begins to run,
// for any user of the machine, at most a hundred times in a second. It is nil if the system does
// not tell.
func (w *Watcher) Woken() <-chan struct{} { return w.system.woken() }

// Close ends the watching.
func (w *Watcher) Close() error { return w.system.close() }

// Look tells what has changed since the last look. The trees of the processes in admitted are
// left out; one that is no longer among them hands out work. One that is below a unit divides it.
// With roomy, which says that memory is plentiful, the next look comes later.
// The error is that of reading the process table: nothing is lost, and the next look may succeed.
func (w *Watcher) Look(now time.Time, admitted map[proctable.Identity]bool, roomy bool) (Sighted, error) {
	births, err := w.system.next(now)
	if err != nil {
		return Sighted{Next: woken}, err
	}
	sighted := w.tree.look(now, births, admitted)
	switch {
	case w.tree.restless():
		sighted.Next = whilePending
	case roomy:
		sighted.Next = clock.Aligned(whileRoomy)
	case w.Woken() == nil:
		sighted.Next = unwoken
	default:
		sighted.Next = woken
	}
	return sighted, nil
}

// HandsOut reports whether a package script's text runs a launcher, such as "wireit" or
// "tsc && make -j": what that starts are tasks, the script itself is none.
func HandsOut(text string) bool { return readText(text).kind == launcher }
