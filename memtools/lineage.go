package memtools

import (
	"errors"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/proctable"
)

// mostUnread is in how many looks the marks of one process are asked for. An exec,
// during which they cannot be told, is over before that.
const mostUnread = 8

// lookLocked looks at the process table once and assigns each new process to its
// tree.
func (t *Tracker) lookLocked() error {
	var err error
	if t.listed, err = t.table.List(t.listed[:0]); err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	t.round++
	t.fresh = t.fresh[:0]
	for _, l := range t.listed {
		if err := t.seeLocked(l); err != nil {
			return err
		}
	}
	for _, e := range t.known {
		if e.round != t.round {
			t.dropLocked(e)
		}
	}
	t.recheckLocked()
	for _, e := range t.fresh {
		if tr := t.roots[e.PID]; tr != nil && tr.root.Leader.Start != e.Start {
			tr.leads = false // the number was free, so session and group have ended
		}
	}
	for _, e := range t.fresh {
		t.assignLocked(e)
	}
	return nil
}

// seeLocked takes note of one process of the table.
func (t *Tracker) seeLocked(l proctable.Listed) error {
	e := t.known[l.PID]
	switch {
	case l.PID == t.own.PID:
		return nil
	case e != nil && (e.serial == l.Serial || t.sameLocked(e, l)):
		e.round = t.round
		if e.unread > 0 && e.unread < mostUnread && e.tree == nil {
			if t.readMarksLocked(e); e.unread == 0 {
				t.fresh = append(t.fresh, e)
			}
		}
		return nil
	case e != nil:
		t.dropLocked(e)
	}
	e = &entry{serial: l.Serial, round: t.round}
	e.PID = l.PID
	t.known[l.PID] = e
	switch err := t.identifyLocked(&e.Process); {
	case errors.Is(err, os.ErrProcessDone):
		delete(t.known, l.PID)
	case errors.Is(err, proctable.ErrNoFiles):
		delete(t.known, l.PID)
		return fmt.Errorf("look at process %d: %w", l.PID, err)
	case err == nil:
		t.readMarksLocked(e)
		t.fresh = append(t.fresh, e)
	} // one that may not be read stays known, so that it is not tried again
	return nil
}

// sameLocked reports whether l is still e, whose serial differs: the kernel may
// have dropped the folder's inode and made a new one for the same process.
func (t *Tracker) sameLocked(e *entry, l proctable.Listed) bool {
	now := proctable.Process{Identity: proctable.Identity{PID: l.PID}}
	if t.identifyLocked(&now) != nil || now.Start != e.Start {
		return false
	}
	e.serial = l.Serial
	return true
}

func (t *Tracker) readMarksLocked(e *entry) {
	if e.Zombie || e.Kernel {
		e.unread = 0
		return
	}
	environ, settled := t.table.Environ(e.PID)
	if !settled {
		e.unread++
		return
	}
	e.unread, e.marks = 0, proctable.Marks(environ, MarkerEnv)
}

// recheckLocked adds to fresh the processes that a new root may have brought.
func (t *Tracker) recheckLocked() {
	if !t.recheck {
		return
	}
	t.recheck = false
	for pid, e := range t.known {
		if e.tree != nil || e.Start < t.recheckFrom && e.marks == "" {
			continue
		}
		e.assigned = 0
		if err := t.identifyLocked(&e.Process); errors.Is(err, os.ErrProcessDone) {
			delete(t.known, pid)
		} else {
			t.fresh = append(t.fresh, e)
		}
	}
}

// assignLocked gives e its tree, after its parent, and returns it. The rules are
// those of proctable.Root; their order decides between several trees.
func (t *Tracker) assignLocked(e *entry) *tree {
	if e.tree != nil || e.assigned == t.round {
		return e.tree
	}
	e.assigned = t.round
	if tr := t.roots[e.PID]; tr != nil && tr.root.Is(e.Process) {
		e.tree = tr
	} else if tr := t.markedLocked(e); tr != nil {
		e.tree = tr
	} else if tr := t.inheritedLocked(e); tr != nil {
		e.tree = tr
	} else if tr := t.roots[e.Group]; tr.has(e.Process) {
		e.tree = tr
	} else if tr := t.roots[e.Session]; tr.has(e.Process) {
		e.tree = tr
	}
	return e.tree
}

// has reports whether p belongs to the session or the group of the tree's root.
func (tr *tree) has(p proctable.Process) bool { return tr != nil && tr.leads && tr.root.Leads(p) }

// inheritedLocked returns the tree of the parent of e, or nil.
func (t *Tracker) inheritedLocked(e *entry) *tree {
	parent := t.known[e.PPID]
	if parent == nil || !proctable.Inherits(e.Process, parent.Process) {
		return nil
	}
	tr := parent.tree
	if tr == nil && parent.assigned == 0 {
		tr = t.assignLocked(parent)
	}
	if tr == nil || tr.single {
		return nil
	}
	return tr
}

// markedLocked returns the tree that the marks of e name, the innermost one if
// they name several, or nil.
func (t *Tracker) markedLocked(e *entry) *tree {
	if e.marks == "" {
		return nil
	}
	var found *tree
	innermost := -1
	for _, tr := range t.trees {
		if !tr.root.Marks(e.Process, e.marks) {
			continue
		}
		if at := proctable.MarkIndex(e.marks, tr.id); at > innermost {
			found, innermost = tr, at
		}
	}
	return found
}
