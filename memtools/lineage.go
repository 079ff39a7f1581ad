package memtools

import (
	"errors"
	"fmt"
	"strings"
)

// lookLocked takes one look at the process table and gives each process that is
// new in it its tree.
func (t *Tracker) lookLocked() error {
	var err error
	if t.listed, err = t.table.list(t.listed[:0]); err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	t.round++
	t.fresh = t.fresh[:0]
	for _, l := range t.listed {
		e := t.known[l.pid]
		switch {
		case l.pid == t.own.pid:
			continue
		case e != nil && (e.serial == l.serial || t.sameLocked(e, l)):
			e.round = t.round
			continue
		case e != nil:
			t.dropLocked(e)
		}
		e = &entry{pid: l.pid, serial: l.serial, round: t.round}
		t.known[l.pid] = e
		switch err := t.withFilesLocked(t.table.identify, e); {
		case errors.Is(err, errGone):
			delete(t.known, l.pid)
		case errors.Is(err, errNoFiles):
			delete(t.known, l.pid)
			return fmt.Errorf("look at process %d: %w", l.pid, err)
		case err == nil:
			t.table.readMarker(e)
			t.fresh = append(t.fresh, e)
		} // one that may not be read stays known, so that it is not tried again
	}
	for _, e := range t.known {
		if e.round != t.round {
			t.dropLocked(e)
		}
	}
	t.recheckLocked()
	for _, e := range t.fresh {
		if tr := t.roots[e.pid]; tr != nil && tr.root.Start != e.start {
			tr.group = false // the number was free, so the group has ended
		}
	}
	for _, e := range t.fresh {
		t.assignLocked(e)
	}
	return nil
}

// sameLocked says whether l is still e, whose serial differs: the kernel may
// have dropped the folder's inode and made a new one for the same process.
func (t *Tracker) sameLocked(e *entry, l listed) bool {
	now := entry{pid: l.pid}
	if t.withFilesLocked(t.table.identify, &now) != nil || now.start != e.start {
		return false
	}
	e.serial = l.serial
	return true
}

// recheckLocked adds to fresh what a new root may have brought.
func (t *Tracker) recheckLocked() {
	if !t.recheck {
		return
	}
	t.recheck = false
	for pid, e := range t.known {
		if e.tree != nil || e.start < t.recheckFrom && e.marker == "" {
			continue
		}
		e.assigned = 0
		if err := t.withFilesLocked(t.table.identify, e); errors.Is(err, errGone) {
			delete(t.known, pid)
		} else {
			t.fresh = append(t.fresh, e)
		}
	}
}

// assignLocked gives e its tree, after its parent, and returns it.
func (t *Tracker) assignLocked(e *entry) *tree {
	if e.tree != nil || e.assigned == t.round {
		return e.tree
	}
	e.assigned = t.round
	if tr := t.roots[e.pid]; tr != nil && tr.root.Start == e.start {
		e.tree = tr
	} else if tr := t.markedLocked(e.marker); tr != nil {
		e.tree = tr
	} else if parent := t.known[e.ppid]; parent != nil && parent.start <= e.start && t.inherits(parent) {
		e.tree = parent.tree
	} else if tr := t.roots[e.pgid]; tr != nil && tr.group {
		e.tree = tr
	}
	return e.tree
}

// inherits says whether the children of parent belong to its tree.
func (t *Tracker) inherits(parent *entry) bool {
	tr := parent.tree
	if tr == nil && parent.assigned == 0 {
		tr = t.assignLocked(parent)
	}
	return tr != nil && !tr.single
}

// markedLocked returns the tree that a marker's value names, the innermost where
// it names several.
func (t *Tracker) markedLocked(value string) *tree {
	if value == "" {
		return nil
	}
	value = markerSeparator + value + markerSeparator
	var found *tree
	innermost := -1
	for id, tr := range t.trees {
		// Searched for, not split: an id may hold the separator.
		at := strings.LastIndex(value, markerSeparator+id+markerSeparator)
		if id != "" && !tr.single && at > innermost {
			found, innermost = tr, at
		}
	}
	return found
}
