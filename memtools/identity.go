package memtools

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
)

// MarkerEnv is the environment variable that marks the processes of a tree, so
// that one is found that has left its parent, its group and its session.
const MarkerEnv = "HEAPMAGE_TASK"

// markerSeparator stands between the ids of nested runs.
const markerSeparator = ";"

// Marker returns the environment entry, "HEAPMAGE_TASK=…", that marks a child
// and all below it as the tree id. Where this process is itself part of a tree,
// the entry holds the outer ids as well, so that the outer run still finds what
// an inner one starts.
func Marker(id string) string {
	if outer := os.Getenv(MarkerEnv); outer != "" {
		id = outer + markerSeparator + id
	}
	return MarkerEnv + "=" + id
}

// Identity names one process for good: a PID alone may name another process
// later.
type Identity struct {
	PID int
	// Start is when the process started, in the system's own unit since a moment
	// of its own: good for comparing only. Zero stands for whichever process has
	// the PID.
	Start uint64
}

// Identify returns the identity of the process that has the PID now. Where there
// is none, the error is os.ErrProcessDone.
func Identify(pid int) (Identity, error) {
	table, err := openTable()
	if err != nil {
		return Identity{}, err
	}
	e, err := identify(table, pid)
	if err := errors.Join(err, table.close()); err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, Start: e.start}, nil
}

func identify(table table, pid int) (*entry, error) {
	e := &entry{pid: pid}
	if err := table.identify(e); errors.Is(err, errGone) {
		return nil, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	} else if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return e, nil
}

// Alive reports whether the process runs. A zombie does not.
func (id Identity) Alive() bool {
	table, err := openTable()
	if err != nil {
		return false
	}
	defer table.close()
	e, err := identify(table, id.PID)
	return err == nil && !e.zombie && (id.Start == 0 || e.start == id.Start)
}

// Signal sends sig to this very process, never to another that has come to its
// PID. Where the process has ended, the error is os.ErrProcessDone.
func (id Identity) Signal(sig os.Signal) error {
	if id.PID <= 0 {
		return fmt.Errorf("signal process %d: %w", id.PID, os.ErrInvalid) // kill(2) takes these for groups
	}
	// FindProcess holds on to the process where the system can (pidfd), so what
	// is checked next is also what gets the signal.
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("signal process %d: %w", id.PID, err)
	}
	defer p.Release()
	if id.Start != 0 {
		now, err := Identify(id.PID)
		if err != nil {
			return err
		}
		if now != id {
			return fmt.Errorf("signal process %d: %w", id.PID, os.ErrProcessDone)
		}
	}
	return p.Signal(sig)
}

// Members returns the living processes of the tree of root, by ascending PID:
// root, its descendants, the members of the process group that it leads, and,
// where marker is not empty, every process whose environment has the Marker of
// that id. This process is never among them, nor are its children through it.
//
// It is one look at the process table, which is whole at no moment: whoever
// wants to end a tree looks and signals again until nothing is left. Where root
// has ended and its PID is another process's now, that one is left alone.
func Members(root Identity, marker string) ([]Identity, error) {
	table, err := openTable()
	if err != nil {
		return nil, err
	}
	t, err := newTracker(table, os.Getpid())
	if err != nil {
		return nil, err
	}
	members, err := t.members(root, marker)
	return members, errors.Join(err, t.Close())
}

func (t *Tracker) members(root Identity, marker string) ([]Identity, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if root.PID > 0 && root.Start == 0 {
		e, err := identify(t.table, root.PID)
		if errors.Is(err, os.ErrProcessDone) {
			root = Identity{} // nothing tells whose the number was
		} else if err != nil {
			return nil, err
		} else {
			root.Start = e.start
		}
	}
	t.addLocked(&tree{id: marker, root: root})
	if err := t.lookLocked(); err != nil {
		return nil, err
	}
	var members []Identity
	for pid, e := range t.known {
		if e.tree != nil && !e.zombie {
			members = append(members, Identity{PID: pid, Start: e.start})
		}
	}
	slices.SortFunc(members, func(a, b Identity) int { return cmp.Compare(a.PID, b.PID) })
	return members, nil
}
