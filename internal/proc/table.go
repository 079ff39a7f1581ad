package proc

// A scope is a part of what a command started.
type scope int

const (
	// inSession are the processes of the command's session: all that did not
	// detach, also those whose parent has gone.
	inSession scope = iota
	// attached are those and their descendants, whatever their session.
	attached
	// everything are those and the processes that carry the mark, with their
	// descendants.
	everything
)

// entry is one process of the table.
type entry struct {
	pid, ppid, group, session int
	start                     uint64 // system's unit; with pid it tells a process from a later one with its id
	zombie                    bool
	kernel                    bool // a thread of the kernel's, no process
}

// root is what the members of a tree are found by.
type root struct {
	leader int    // process, group and session id of the command; 0 where unknown
	start  uint64 // of the leader; no member is older
	id     string // the mark
}

// membersOf returns the living processes of table that belong to r, in the
// order of the table, and those of which it cannot tell yet: they are in the
// middle of an exec or of their end. environ reads the environment of a process and says whether there
// is one to read; it is called only where nothing else decides.
//
// A session's number cannot be given to a new process while a member is left,
// and the tree is looked at only while it runs or moments later, so that a
// session with that number and no older start is ours.
func membersOf(r root, s scope, table []entry, environ func(pid int) ([]byte, bool), self int) (members, unsure []entry) {
	in := make(map[int]bool)
	for _, e := range table {
		switch {
		case e.pid == self || e.start < r.start:
		case r.leader != 0 && (e.session == r.leader || e.pid == r.leader && e.start == r.start):
			in[e.pid] = true
		case s == everything && !e.zombie && !e.kernel:
			env, settled := environ(e.pid)
			if !settled {
				unsure = append(unsure, e)
			} else if marked(env, r.id) {
				in[e.pid] = true
			}
		}
	}
	for grown := s != inSession && len(in) > 0; grown; {
		grown = false
		for _, e := range table {
			if !in[e.pid] && in[e.ppid] && e.pid != self && e.start >= r.start {
				in[e.pid], grown = true, true
			}
		}
	}
	for _, e := range table {
		if in[e.pid] && !e.zombie {
			members = append(members, e)
		}
	}
	return members, unsure
}
