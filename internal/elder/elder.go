// Package elder finds older runs of heapmage that share this run's memory. Of two such
// runs the older one goes first, or both would wait for each other's memory.
//
// Each run leaves a mark: an empty file in a folder of the machine that everyone may
// write. Its name tells the process, its start and the run; its time of change tells when
// the run last grew. Nothing is read from it, so it need not be trusted: a mark counts
// only while the process that it names is there, belongs to the user who owns the mark,
// and shares the memory that is short. Marks of processes that have ended mean nothing.
// Without such a folder no other run is found.
package elder

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

const (
	// idle is how long a run may go without growing before it no longer goes first.
	// Otherwise a run that is stopped, or waits itself, would hold up all others.
	idle = 10 * time.Second
	// growth is what counts as growing.
	growth = 16 * memtools.MB
	// interval is the least time between two looks, and between two changes of the mark.
	interval = 250 * time.Millisecond
	// stale is the age from which the mark of an ended process is removed. Younger ones
	// may belong to another container that shares the folder.
	stale = time.Hour
)

// Run is this run among the others. It is used by one goroutine.
type Run struct {
	age       proctable.Identity // of the outermost run that this one is part of
	ancestors []int              // PIDs
	outer     string
	marks     []*folder // where marks are
	name      string    // of our mark

	least  memtools.Bytes // usage since the mark was changed
	grown  time.Time
	looked time.Time
	found  int
}

// Enter leaves the mark of the run id, which is one of proc.NewRunID. Call Leave.
func Enter(id string) *Run { return enter(id, places) }

func enter(id string, places []string) *Run {
	r := &Run{outer: os.Getenv(environ.Task)}
	own, err := proctable.Lookup(os.Getpid())
	if err != nil {
		return r // the system tells nothing of processes
	}
	r.age, r.ancestors = own.Identity, ancestors(own)
	r.name = fmt.Sprintf("%d-%d-%s", own.PID, own.Start, id)
	outermost, _, _ := strings.Cut(r.outer, "/")
	marked := false
	for _, place := range places {
		root, err := openFolder(place)
		if err != nil {
			continue
		}
		folder := &folder{Root: root}
		r.marks = append(r.marks, folder)
		if !marked {
			marked = leave(root, r.name) == nil
		}
		entries, _ := folder.list() // as far as they can be read
		for _, e := range entries {
			if m, ok := parse(e.Name()); ok && m.run == outermost && m.exists() {
				r.age = m.Identity
			}
		}
		sweep(folder)
	}
	return r
}

// ancestors are the processes above p, the nearest first.
func ancestors(p proctable.Process) (pids []int) {
	for range 100 { // a process that has ended may have been replaced by one below
		if p.PPID <= 1 {
			break
		}
		parent, err := proctable.Lookup(p.PPID)
		if err != nil || !proctable.Inherits(p, parent) {
			break
		}
		pids = append(pids, parent.PID)
		p = parent
	}
	return pids
}

// leave makes a mark.
func leave(folder *os.Root, name string) error {
	f, err := folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// sweep removes old marks of processes that have ended.
func sweep(folder *folder) {
	entries, _ := folder.list() // as far as they can be read
	for _, e := range entries {
		m, ok := parse(e.Name())
		info, err := e.Info()
		if ok && err == nil && time.Since(info.ModTime()) > stale && !m.exists() {
			_ = folder.Remove(e.Name()) // it may be another user's
		}
	}
}

// Leave removes the mark.
func (r *Run) Leave() {
	for _, folder := range r.marks {
		_ = folder.Remove(r.name) // it is in one of them
		_ = folder.Close()
	}
	r.marks = nil
}

// Uses notes the usage of the run, so that younger ones see that it is at work.
func (r *Run) Uses(now time.Time, usage memtools.Bytes) {
	r.least = min(r.least, usage)
	if usage < r.least+growth || now.Sub(r.grown) < interval {
		return
	}
	r.least, r.grown = usage, now
	for _, folder := range r.marks {
		_ = folder.Chtimes(r.name, now, now) // it is in one of them
	}
}

// AtWork returns the process of an older run that shares the memory that is short and is
// at work: it is not stopped, and has grown within the last ten seconds. Zero means that
// there is none. It looks at most four times a second, which takes some 0.2 ms.
func (r *Run) AtWork(now time.Time) (pid int) {
	if age := now.Sub(r.looked); age >= interval || age < 0 {
		r.looked, r.found = now, r.look(now)
	}
	return r.found
}

func (r *Run) look(now time.Time) (pid int) {
	var short *memory
	for _, folder := range r.marks {
		for _, m := range folder.others(now, r.name) {
			if !m.before(r.age) || r.below(m) {
				continue
			}
			info, err := folder.Lstat(m.name)
			if err != nil || !info.Mode().IsRegular() || now.Sub(info.ModTime()) > idle || !m.runs() || !m.ownedAs(info) {
				continue
			}
			if short == nil {
				short = shortest()
			}
			if short.holds(m.PID) {
				return m.PID
			}
		}
	}
	return 0
}

// below reports whether this run is part of a task of the run m.
func (r *Run) below(m mark) bool {
	if slices.Contains(r.ancestors, m.PID) {
		return true
	}
	for task := range strings.SplitSeq(r.outer, proctable.MarkSeparator) {
		if run, _, ok := strings.Cut(task, "/"); ok && run == m.run {
			return true
		}
	}
	return false
}
