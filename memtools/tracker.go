package memtools

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

// Tracker measures process trees. Each sample looks at the process table once for
// all of them. A process that was seen in a tree belongs to it until it ends,
// even if its parent ends first.
//
// On Linux it keeps one descriptor open for each tracked process, up to 1024 or a
// quarter of the descriptors that this process may have, whichever is less. Further
// processes cost more time instead. It is safe for concurrent use.
type Tracker struct {
	mu    sync.Mutex // guards all below
	table table      // nil once closed
	own   *entry
	known map[int]*entry // every process of the last look, by PID
	trees map[string]*tree
	roots map[int]*tree // by the root's PID

	round  uint64 // number of the look; entries with an older one have ended
	listed []proctable.Listed
	fresh  []*entry // processes to assign; kept for its memory
	// recheck asks for another look at untracked processes that started at
	// recheckFrom or later: they may descend from a root that was added since.
	recheck     bool
	recheckFrom uint64

	timed time.Time // when processor times were read last
	shmem shmem
}

// table reads a system's process table; see proctable.Table.
type table interface {
	List([]proctable.Listed) ([]proctable.Listed, error)
	Identify(*proctable.Process) error
	Environ(pid int) (environ []byte, settled bool)
	Measure(*proctable.Measured) error
	MeasureCPU(*proctable.Measured)
	Share(pid int) (proctable.Share, error)
	Forget(*proctable.Measured)
	Close() error
}

// tree is what Track and TrackOne add.
type tree struct {
	id     string
	root   proctable.Root
	single bool // the root alone
	// leads is set while the session and the group of the root may have members. It
	// ends with them, as their number may be given away then.
	leads bool
	ledIn uint64 // round that last saw such a member
	peak  Bytes
	// maxRSS is the highest of any single process, as the kernel saw it.
	maxRSS Bytes
	sharing
	spent time.Duration // processor time of processes that have ended
	last  int           // processes at the last sample
}

// entry is what is known of one process.
type entry struct {
	proctable.Measured
	serial   uint64 // see proctable.Listed
	marks    string // the values of MarkerEnv at its start
	unread   int    // how often the marks could not be told yet; zero once read
	tree     *tree  // nil if it is not tracked
	round    uint64 // of the last look that had it
	assigned uint64 // round in which it was given its tree
	maxSeen  int64  // its highest resident set up to the last sample
	last     Bytes  // what it counted then
	counting
}

// NewTracker returns a tracker that measures only this process so far. It fails
// if the process table cannot be read. Call Close when it is no longer needed.
func NewTracker() (*Tracker, error) {
	table, err := proctable.Open()
	if err != nil {
		return nil, err
	}
	return newTracker(table, os.Getpid())
}

// newTracker returns a tracker that owns table.
func newTracker(table table, self int) (*Tracker, error) {
	own := &entry{}
	own.PID = self
	err := table.Identify(&own.Process)
	if err == nil {
		err = table.Measure(&own.Measured)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the memory of this process (%d): %w", self, err), table.Close())
	}
	t := &Tracker{table: table, own: own, known: map[int]*entry{}, trees: map[string]*tree{}, roots: map[int]*tree{}, shmem: shmem{read: readShmem}}
	t.shmem.note()
	return t, nil
}

// Track counts a process tree under id from the next sample on. The tree is the
// process pid, its descendants, the members of the session and the process group that
// it leads, and every process with the Marker of id that is not older than pid. If pid
// is 0 or has ended, only marked processes count.
//
// This process is never part of a tree, and neither are children of it that are not
// tracked. A process that fits several trees counts in one: the tree of which it is
// the root, else that of its marker, its parent, its session or group. Tracking an id
// again replaces what it counted. The root of a new tree leaves the one that it was in, with
// its descendants; they return when it is untracked.
//
// Marked processes of every program on the machine are seen, so an id should be unique
// on the machine: include the run, as in "run-7/core#build".
func (t *Tracker) Track(id string, pid int) { t.add(&tree{id: id}, pid) }

// TrackOne counts the process pid alone under id, such as a launcher above this
// process or a helper below it. What it starts does not count.
func (t *Tracker) TrackOne(id string, pid int) { t.add(&tree{id: id, single: true}, pid) }

func (t *Tracker) add(tr *tree, pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		return
	}
	if !tr.single {
		tr.root.Mark = tr.id
	}
	leader := proctable.Process{Identity: proctable.Identity{PID: pid}}
	if pid > 0 && t.table.Identify(&leader) == nil {
		tr.root.Leader = leader.Identity
	}
	t.removeLocked(tr.id)
	t.trees[tr.id] = tr
	from := uint64(math.MaxUint64)
	if pid := tr.root.Leader.PID; pid > 0 {
		t.roots[pid] = tr
		tr.leads = !tr.single
		from = tr.root.Leader.Start // a member starts no earlier
		t.cutOutLocked(tr)
	}
	t.recheckLater(from)
}

// recheckLater has the next look find trees for processes that have none and started then or
// later.
func (t *Tracker) recheckLater(from uint64) {
	if !t.recheck || from < t.recheckFrom {
		t.recheckFrom = from
	}
	t.recheck = true
}

// cutOutLocked takes the root of a new tree out of the tree that it belongs to, with its
// descendants, so that the next look gives them to the new one.
func (t *Tracker) cutOutLocked(tr *tree) {
	root := t.known[tr.root.Leader.PID]
	if root == nil || root.Start != tr.root.Leader.Start || root.tree == nil {
		return
	}
	of := root.tree
	root.tree = nil
	for out := []*entry{root}; len(out) > 0 && !tr.single; out = out[1:] {
		for _, child := range t.known {
			if child.tree == of && proctable.Inherits(child.Process, out[0].Process) {
				child.tree = nil
				out = append(out, child)
			}
		}
	}
}

// Untrack stops counting under id. It returns a Tree in which only Peak, MaxRSS and CPU
// are set, from all samples since Track. They are zero if there was none, and for an
// unknown id.
func (t *Tracker) Untrack(id string) (sum Tree) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tr := t.trees[id]; tr != nil {
		sum = Tree{Peak: tr.peak, MaxRSS: tr.maxRSS, CPU: tr.spent}
		for _, e := range t.known {
			if e.tree == tr {
				sum.CPU += e.CPU
			}
		}
	}
	t.removeLocked(id)
	return sum
}

func (t *Tracker) removeLocked(id string) {
	tr := t.trees[id]
	if tr == nil {
		return
	}
	delete(t.trees, id)
	if t.roots[tr.root.Leader.PID] == tr {
		delete(t.roots, tr.root.Leader.PID)
	}
	for _, e := range t.known {
		if e.tree == tr {
			e.tree = nil // it may belong to the tree around it
			t.recheckLater(e.Start)
			t.table.Forget(&e.Measured)
		}
	}
}

// dropLocked forgets a process that has ended.
func (t *Tracker) dropLocked(e *entry) {
	if e.tree != nil {
		e.tree.spent += e.CPU
	}
	t.table.Forget(&e.Measured)
	delete(t.known, e.PID)
}

// Close releases what the tracker holds. It can be called more than once.
func (t *Tracker) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		return nil
	}
	t.forgetAllLocked()
	err := t.table.Close()
	t.table, t.known, t.trees, t.roots = nil, nil, nil, nil
	return err
}
