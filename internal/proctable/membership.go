package proctable

// A Root is what the members of a tree are found by. A process is a member if
// one of these holds, and it is not older than the leader:
//
//   - it is the leader;
//   - its marks name the tree: this finds daemons that left parent, group and
//     session;
//   - its parent is a member and not younger than it (a younger "parent" has
//     merely been given the parent's old PID);
//   - its session or its process group has the leader's number.
//
// The number of a session or group is not given away while a member is left.
// Whoever keeps a Root beyond that must stop using the last rule.
//
// The process that looks is never a member, so neither are its other children.
type Root struct {
	// Leader is the process that was started. A zero PID leaves only the marks.
	Leader Identity
	// Mark is the id of the tree as Marks finds it. Empty finds nothing.
	Mark string
}

// Is reports whether p is the leader itself.
func (r Root) Is(p Process) bool { return r.Leader.PID > 0 && p.Identity == r.Leader }

// Leads reports whether p is in a session or process group with the leader's
// number.
func (r Root) Leads(p Process) bool {
	return r.Leader.PID > 0 && (p.Session == r.Leader.PID || p.Group == r.Leader.PID) && r.precedes(p)
}

// Marks reports whether the marks of p name the tree.
func (r Root) Marks(p Process, marks string) bool {
	return MarkIndex(marks, r.Mark) >= 0 && r.precedes(p)
}

// precedes reports whether p is no older than the leader.
func (r Root) precedes(p Process) bool { return p.Start >= r.Leader.Start }

// Inherits reports whether p is a child that belongs to its parent's tree.
func Inherits(p, parent Process) bool { return p.PPID == parent.PID && parent.Start <= p.Start }

// A Scope is a part of a tree.
type Scope int

const (
	// InSession is the leader's session: everything that did not detach, even if
	// its parent has ended.
	InSession Scope = iota
	// Attached adds all descendants, whatever their session.
	Attached
	// Everything adds marked processes and their descendants.
	Everything
)

// Members returns the living members of a tree in the order of the table, and
// those that cannot be told yet because they are in the middle of an exec or of
// their end. marks returns the marks of a process, and false if they cannot be
// told yet; it is called only if nothing else decides.
func Members(r Root, s Scope, table []Process, marks func(pid int) (marks string, settled bool), self int) (members, unsure []Process) {
	in := make(map[int]Process)
	for _, p := range table {
		switch {
		case p.PID == self || !r.precedes(p):
		case r.Is(p) || r.Leads(p):
			in[p.PID] = p
		case s == Everything && !p.Zombie && !p.Kernel:
			found, settled := marks(p.PID)
			if !settled {
				unsure = append(unsure, p)
			} else if r.Marks(p, found) {
				in[p.PID] = p
			}
		}
	}
	if s != InSession {
		addDescendants(in, table, self)
	}
	for _, p := range table {
		if q, ok := in[p.PID]; ok && q.Identity == p.Identity && !p.Zombie {
			members = append(members, p)
		}
	}
	return members, unsure
}

// addDescendants adds every descendant of a process that is in.
func addDescendants(in map[int]Process, table []Process, self int) {
	for grown := len(in) > 0; grown; {
		grown = false
		for _, p := range table {
			if _, known := in[p.PID]; known || p.PID == self {
				continue
			}
			if parent, ok := in[p.PPID]; ok && Inherits(p, parent) {
				in[p.PID], grown = p, true
			}
		}
	}
}
