package sighting

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/workspace"
)

// world is what the tree asks about processes. A process may end at any time, and is then
// without arguments, folder and variables.
type world interface {
	process(pid int) (proctable.Process, bool) // false once it has ended
	exists(pid int) bool                       // cheaper than process, and late
	arguments(pid int) []string
	folder(pid int) string
	executable(pid int) string
	variable(pid int, name string) string
	watch(program string) // one that may begin again
}

// role is what a process is to the tasks.
type role uint8

const (
	pending  role = iota // begun below one that hands out work; it is not known yet what it is
	handsOut             // its children are tasks, or hand out work themselves
	leads                // it leads a unit
	inside               // it belongs to the unit of an ancestor
	admitted             // the caller looks after its tree
	helps                // of no interest: a daemon, or a runner's own helper
)

// node is a process below the root.
type node struct {
	proctable.Process
	parent  *node
	role    role
	unit    Unit // of one that leads
	args    []string
	runs    program
	since   time.Time // when it was first seen, or its last exec was
	checked time.Time
	starts  bool // it has had a child
	met     bool // as one inside of a unit: what it runs has been looked at
	// foreign are the packages other than its own in which children of it work.
	foreign []string
	gone    bool
}

// tree is the processes below a root, as of the last look.
type tree struct {
	world  world
	places places
	shim   string
	root   int
	nodes  []*node // parents before their children
	byPID  map[int]*node
	found  Sighted
	now    time.Time
	first  bool // it is the first look
}

const (
	// young is how long a process may take from its fork to its exec, and a shell from its exec
	// to its first child or another exec, on a machine that has too much to do.
	young = 250 * time.Millisecond
	// seldom is the time between two looks at what a process runs that is not young.
	seldom = 500 * time.Millisecond
)

func newTree(w world, root int, ws *workspace.Workspace, shim string) *tree {
	return &tree{world: w, places: places{ws}, shim: shim, root: root, byPID: map[int]*node{}, first: true}
}

// look brings the tree up to date.
func (t *tree) look(now time.Time, births []proctable.Process, given map[proctable.Identity]bool) Sighted {
	t.found, t.now = Sighted{}, now
	t.add(births)
	t.first = false
	for _, n := range t.nodes {
		t.refresh(n)
	}
	t.nodes = slices.DeleteFunc(t.nodes, func(n *node) bool {
		if n.gone && t.byPID[n.PID] == n {
			delete(t.byPID, n.PID)
		}
		return n.gone
	})
	for _, n := range t.nodes {
		switch {
		case given[n.Identity]:
			t.admit(n)
		case n.role == admitted:
			t.open(n)
		}
	}
	// What divides makes others pending that come before it.
	for again := true; again; {
		again = false
		for _, n := range t.nodes {
			again = t.place(n) || again
		}
	}
	return t.found
}

// add adds the births that are below the root.
func (t *tree) add(births []proctable.Process) {
	for grown := true; grown; {
		grown = false
		for _, p := range births {
			old := t.byPID[p.PID]
			if p.Zombie || old != nil && old.Identity == p.Identity {
				continue
			}
			parent := t.byPID[p.PPID]
			if parent != nil && !proctable.Inherits(p, parent.Process) || parent == old {
				parent = nil // its number was another's before
			}
			if parent == nil && (p.PID != t.root || !t.first) {
				continue
			}
			if old != nil {
				t.end(old) // and its number is this one's now
			}
			n := &node{Process: p, parent: parent, since: t.now}
			t.byPID[p.PID] = n
			t.nodes = append(t.nodes, n)
			if parent != nil {
				parent.starts = true
			}
			t.inherit(n)
			grown = true
		}
	}
}

// inherit gives a process the role that it has by its parent's.
func (t *tree) inherit(n *node) {
	n.role = pending
	if n.parent == nil {
		return
	}
	switch r := n.parent.role; r {
	case handsOut, pending: // it is placed after its parent
	case leads, inside:
		n.role = inside
	case admitted, helps:
		n.role = r
	}
}

// refresh notices that a process has ended, or runs another program now.
func (t *tree) refresh(n *node) {
	if n.gone {
		return
	}
	// A shell calls exec soon, if at all; other programs hardly ever do.
	restless := (t.young(n) || n.checked.Equal(n.since)) && (n.runs.kind == shell || n.role == inside && !n.met)
	due := restless || n.role == pending || n.args == nil || t.now.Sub(n.checked) >= seldom
	if !due && (n.role == inside || n.role == helps) {
		return
	}
	switch {
	case due:
		t.check(n)
	case !t.world.exists(n.PID):
		t.end(n)
	}
}

// check reads what a process is now.
func (t *tree) check(n *node) {
	n.checked = t.now
	now, ok := t.world.process(n.PID)
	if !ok || now.Start != n.Start {
		t.end(n)
		return
	}
	if now.Image != n.Image || n.args == nil {
		n.Image = now.Image
		t.exec(n)
	}
}

// exec reads what a process runs.
func (t *tree) exec(n *node) {
	first := n.args == nil
	n.args = t.world.arguments(n.PID)
	n.runs = read(n.args)
	n.met = false
	if first {
		return
	}
	n.since = t.now
	// One that has handed out tasks goes on to, whatever it becomes, while these live.
	if n.role == handsOut && !slices.ContainsFunc(t.nodes, func(c *node) bool { return c.parent == n && !c.gone && c.role != pending }) {
		n.role = pending
	}
}

// restless reports whether a process is about to call exec.
func (t *tree) restless() bool {
	return slices.ContainsFunc(t.nodes, func(n *node) bool { return n.role == pending && t.young(n) })
}

func (t *tree) young(n *node) bool { return t.now.Sub(n.since) < young }

// end notes that a process has ended. What it has started is its parent's now, so that all
// links lead to living processes.
func (t *tree) end(n *node) {
	if n.gone {
		return
	}
	n.gone = true
	led := n.role == leads
	if led {
		t.over(n, &t.found.Ended)
	}
	led = led || n.role == admitted && (n.parent == nil || n.parent.role != admitted)
	n.role = helps
	for _, c := range t.nodes {
		if c.parent == n {
			if led {
				t.lose(c, helps) // what a task leaves running is no task
			}
			c.parent = n.parent
		}
	}
}

// place finds the role of a process, and reports whether roles of others have changed by it.
func (t *tree) place(n *node) bool {
	if n.gone {
		return false
	}
	if n.parent != nil && n.role == pending && n.parent.role != handsOut {
		if t.inherit(n); n.role == pending {
			return false // as its parent is
		}
	}
	switch n.role {
	case pending:
		if p := n.parent; p != nil && !p.checked.Equal(t.now) {
			if t.check(p); p.role != handsOut { // it ran something else when it was last looked at
				return true
			}
		}
		n.role = t.kind(n)
		if n.role == leads || n.role == handsOut {
			t.world.watch(t.world.executable(n.PID))
		}
		if n.role == leads {
			n.unit = t.places.unit(n, t.world)
			t.found.Began = append(t.found.Began, n.unit)
		}
		return n.role != pending
	case leads:
		if n.runs.kind == launcher { // since an exec
			t.divide(n)
			return true
		}
	case inside:
		return !n.met && t.meet(n)
	case handsOut, admitted, helps:
	}
	return false
}

// kind returns what a process is that one which hands out work has started.
func (t *tree) kind(n *node) role {
	switch {
	case len(n.args) == 0 && t.young(n):
		return pending // it is in the middle of an exec
	case t.copies(n):
		switch {
		case n.starts && n.parent.runs.kind != work:
			return handsOut // a subshell
		case t.young(n) || n.parent.runs.kind != work:
			return pending // it is about to call exec
		}
	case t.shim != "" && t.world.executable(n.PID) == t.shim:
		return handsOut
	case n.runs.kind == helper:
		return helps
	case n.runs.kind == launcher, n.runs.kind == executor && t.places.onlyScript(n, t.world):
		return handsOut
	case n.runs.kind == shell && t.young(n) && !n.starts:
		return pending // it may call exec
	}
	return leads
}

// copies reports whether a process still runs what its parent runs.
func (t *tree) copies(n *node) bool {
	if n.parent == nil {
		return false
	}
	if n.Image != 0 && n.parent.Image != 0 {
		return n.Image == n.parent.Image
	}
	return slices.Equal(n.args, n.parent.args)
}

// meet looks at what a process inside of a unit runs, and divides the unit if that hands out
// work. It reports whether it did.
func (t *tree) meet(n *node) bool {
	if len(n.args) == 0 || t.copies(n) {
		return false
	}
	n.met = true
	t.world.watch(t.world.executable(n.PID)) // the tool behind a shell
	if n.runs.kind == launcher && n.parent.onlyStarts() {
		t.divide(n.parent)
		return true
	}
	if n.runs.pkg != "" && n.runs.pkg == n.parent.runs.pkg {
		return false // a tool's own worker
	}
	own, its := t.places.owner(t.world.folder(n.parent.PID)), t.places.owner(t.world.folder(n.PID))
	if its == "" || its == own || slices.Contains(n.parent.foreign, its) {
		return false
	}
	n.parent.foreign = append(n.parent.foreign, its)
	if len(n.parent.foreign) < 2 {
		return false
	}
	t.divide(n.parent)
	return true
}

// onlyStarts reports whether a process inside of a unit, and all above it there, do nothing but
// start others.
func (n *node) onlyStarts() bool {
	for n.runs.kind == shell || n.runs.kind == executor {
		if n.role == leads {
			return true
		}
		n = n.parent
	}
	return false
}
