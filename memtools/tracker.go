package memtools

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"time"
)

// Sample is the memory of this process and of all tracked trees at one moment.
type Sample struct {
	Time time.Time
	// Own is this process's usage, without any child's.
	Own Bytes
	// Trees holds what is tracked, by id. One whose processes have all ended is
	// in it with no usage, and its peak, until Untrack.
	Trees map[string]Tree
	// Total is Own plus the usage of all trees; nothing is counted twice.
	Total Bytes
}

// Tree is the memory of one tracked tree.
type Tree struct {
	// Usage is the sum over Processes.
	Usage Bytes
	// Peak is the highest Usage of any sample since Track, this one included.
	Peak Bytes
	// CPU is the processor time of all processes that samples have seen in the tree,
	// those included that have ended since, also where nobody waited for them. It
	// is read once a second, so the last second of each is not in it. Linux only;
	// zero elsewhere.
	CPU time.Duration
	// Processes are the tree's living processes by ascending PID. Zombies, which
	// hold no memory, are left out.
	Processes []Process
}

// Process is one living process of a tree.
type Process struct {
	PID int
	// Start tells processes of the same PID apart; see Identity.
	Start uint64
	// PPID is the parent's PID: that of init or of a subreaper once the parent
	// has ended.
	PPID int
	// PGID is the process group's; zero where the system does not tell.
	PGID int
	// Usage is memory that is the process's own: on Linux anonymous and shared
	// memory, resident or swapped out (RssAnon + RssShmem + VmSwap). On other
	// systems, and on kernels before 4.5, it is RSS.
	Usage Bytes
	// RSS is the resident set, which counts the pages of a shared binary or
	// library in each process. It must not be added up.
	RSS Bytes
	// Command is the command line, cut at 200 bytes, or the program's name where
	// that cannot be read. It is read once a program.
	Command string
}

// Identity returns what names p for good.
func (p Process) Identity() Identity { return Identity{PID: p.PID, Start: p.Start} }

// Tracker measures process trees. Each sample looks at the process table once
// for all of them. A process that has been seen in a tree belongs to it until it
// ends, whoever its parent becomes.
//
// It keeps one descriptor open for each tracked process, up to 1024 or a quarter
// of the descriptors this process may have; further processes cost more time
// instead. Its methods may be called by many goroutines.
type Tracker struct {
	mu    sync.Mutex // guards all below
	table table      // nil once closed
	own   *entry
	known map[int]*entry // every process of the last look, by PID
	trees map[string]*tree
	roots map[int]*tree // by the root's PID

	round  uint64   // number of the look; entries that carry an older one are gone
	listed []listed // of the last look; kept for its memory
	fresh  []*entry // processes to assign; kept for its memory
	// recheck asks to look again at untracked processes that started at
	// recheckFrom or later: they may descend from a root that was added since.
	recheck     bool
	recheckFrom uint64

	timed time.Time // when processor times were read last
}

// cpuInterval is how often processor times are read, which costs as much again
// as the memory.
const cpuInterval = time.Second

// tree is what Track and TrackOne add.
type tree struct {
	id     string
	root   Identity // zero where only the marker counts
	single bool     // the root alone
	// group says that processes of the group root.PID are ours. It ends with
	// the group, since the number may come again.
	group   bool
	grouped uint64 // round that last had a member of the group
	peak    Bytes
	spent   time.Duration // processor time of processes that have ended
	last    int           // processes at the last sample
}

// entry is what is known of one process.
type entry struct {
	pid    int
	start  uint64
	serial uint64 // see listed
	ppid   int
	pgid   int
	zombie bool
	marker string // the value of MarkerEnv at its start
	name   string // of the program, to see that it changed
	cmd    string
	usage  Bytes
	rss    Bytes
	cpu    time.Duration

	tree     *tree  // nil where it is not tracked
	round    uint64 // of the last look that had it
	assigned uint64 // round in which it was given its tree
	file     int    // kept descriptor plus one; zero where there is none
}

// listed is one line of the process table.
type listed struct {
	pid int
	// serial differs for a process that has the PID of an ended one. It may also
	// change for the same process; then start is what tells. Always zero where
	// the system has no such number.
	serial uint64
}

// table reads a system's process table.
type table interface {
	// list appends every process there is.
	list([]listed) ([]listed, error)
	// identify fills in start, ppid, pgid and zombie.
	identify(*entry) error
	// readMarker fills in marker, or leaves it empty where it cannot be read.
	readMarker(*entry)
	// measure fills in ppid, pgid, zombie, usage, rss and cmd.
	measure(*entry) error
	// time fills in cpu, or leaves it where it cannot be read.
	time(*entry)
	// forget gives back what is kept for a process.
	forget(*entry)
	close() error
}

var (
	// errGone is a table's error for a process that has ended.
	errGone = errors.New("the process has ended")
	// errNoFiles is a table's error where no descriptor could be had. It keeps
	// none from then on.
	errNoFiles = errors.New("too many open files")
)

// NewTracker returns a tracker that measures this process and nothing else yet.
// It fails where the system's process table cannot be read.
func NewTracker() (*Tracker, error) {
	table, err := openTable()
	if err != nil {
		return nil, err
	}
	return newTracker(table, os.Getpid())
}

// newTracker owns table.
func newTracker(table table, self int) (*Tracker, error) {
	t := &Tracker{table: table, own: &entry{pid: self}, known: map[int]*entry{}, trees: map[string]*tree{}, roots: map[int]*tree{}}
	err := table.identify(t.own)
	if err == nil {
		err = table.measure(t.own)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the memory of this process (%d): %w", self, err), table.close())
	}
	return t, nil
}

// Track counts under id: the process pid, its descendants, the members of the
// process group that it leads, and every process whose environment has the
// Marker of id. The last finds a daemon that left its group and its session.
// Where pid is not positive or has ended already, only marked processes count.
//
// This process is never part of a tree, nor are its children through it. A
// process that fits several trees counts in one: the tree that it is the root
// of, else its marker's, its parent's, its group's. Tracking an id anew ends what
// it counted before.
//
// Two runs on one machine see each other's processes, so id should be unique
// beyond this run.
func (t *Tracker) Track(id string, pid int) { t.add(&tree{id: id}, pid) }

// TrackOne counts the process pid alone under id, such as a launcher above this
// process or a helper below it.
func (t *Tracker) TrackOne(id string, pid int) { t.add(&tree{id: id, single: true}, pid) }

func (t *Tracker) add(tr *tree, pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		return
	}
	if root := (&entry{pid: pid}); pid > 0 && t.table.identify(root) == nil {
		tr.root = Identity{PID: pid, Start: root.start}
	}
	t.addLocked(tr)
}

func (t *Tracker) addLocked(tr *tree) {
	t.removeLocked(tr.id)
	t.trees[tr.id] = tr
	if tr.root.PID > 0 {
		t.roots[tr.root.PID] = tr
		tr.group = !tr.single
	}
	from := tr.root.Start // a descendant starts no earlier than the root
	if tr.root.PID <= 0 {
		from = math.MaxUint64
	}
	if !t.recheck || from < t.recheckFrom {
		t.recheckFrom = from
	}
	t.recheck = true
}

// Untrack ends the counting under id and returns what it came to: the Peak and
// CPU of all samples since Track. Those of an unknown id are zero.
func (t *Tracker) Untrack(id string) (sum Tree) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tr := t.trees[id]; tr != nil {
		sum = Tree{Peak: tr.peak, CPU: tr.spent}
		for _, e := range t.known {
			if e.tree == tr {
				sum.CPU += e.cpu
			}
		}
	}
	t.removeLocked(id)
	return sum
}

// dropLocked forgets a process that has ended.
func (t *Tracker) dropLocked(e *entry) {
	if e.tree != nil {
		e.tree.spent += e.cpu
	}
	t.table.forget(e)
	delete(t.known, e.pid)
}

func (t *Tracker) removeLocked(id string) {
	tr := t.trees[id]
	if tr == nil {
		return
	}
	delete(t.trees, id)
	if t.roots[tr.root.PID] == tr {
		delete(t.roots, tr.root.PID)
	}
	for _, e := range t.known {
		if e.tree == tr {
			e.tree = nil
			t.table.forget(e)
		}
	}
}

// Sample measures now. It fails where the process table cannot be read, where
// descriptors are short even for one file, and with os.ErrClosed after Close;
// that a process ends meanwhile is no error.
func (t *Tracker) Sample() (Sample, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		return Sample{}, fmt.Errorf("sample processes: %w", os.ErrClosed)
	}
	if err := t.lookLocked(); err != nil {
		return Sample{}, err
	}
	if err := t.withFilesLocked(t.table.measure, t.own); err != nil {
		return Sample{}, fmt.Errorf("read the memory of this process: %w", err)
	}
	s := Sample{Time: time.Now(), Own: t.own.usage, Total: t.own.usage, Trees: make(map[string]Tree, len(t.trees))}
	for id, tr := range t.trees {
		s.Trees[id] = Tree{Processes: make([]Process, 0, tr.last)}
	}
	timing := s.Time.Sub(t.timed) >= cpuInterval
	if timing {
		t.timed = s.Time
	}
	for pid, e := range t.known {
		if e.tree == nil {
			continue
		}
		if err := t.withFilesLocked(t.table.measure, e); errors.Is(err, errGone) {
			t.dropLocked(e)
			continue
		} else if err != nil {
			return Sample{}, fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
		if e.pgid == e.tree.root.PID {
			e.tree.grouped = t.round
		}
		if timing {
			t.table.time(e)
		}
		tree := s.Trees[e.tree.id]
		tree.CPU += e.cpu
		if e.zombie {
			s.Trees[e.tree.id] = tree
			continue
		}
		tree.Usage += e.usage
		tree.Processes = append(tree.Processes, Process{PID: pid, Start: e.start, PPID: e.ppid, PGID: e.pgid, Usage: e.usage, RSS: e.rss, Command: e.cmd})
		s.Trees[e.tree.id] = tree
	}
	for id, tr := range t.trees { // only now: processes that have just ended are in spent
		tree := s.Trees[id]
		tree.CPU += tr.spent
		tr.peak, tr.last = max(tr.peak, tree.Usage), len(tree.Processes)
		tree.Peak = tr.peak
		tr.group = tr.group && tr.grouped == t.round
		slices.SortFunc(tree.Processes, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
		s.Trees[id] = tree
		s.Total += tree.Usage
	}
	return s, nil
}

// withFilesLocked does read, if need be after all kept descriptors were given
// back.
func (t *Tracker) withFilesLocked(read func(*entry) error, e *entry) error {
	err := read(e)
	if errors.Is(err, errNoFiles) {
		for _, other := range t.known {
			t.table.forget(other)
		}
		t.table.forget(t.own)
		err = read(e)
	}
	return err
}

// Close gives back what the tracker holds. It can be called more than once.
func (t *Tracker) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		return nil
	}
	for _, e := range t.known {
		t.table.forget(e)
	}
	t.table.forget(t.own)
	err := t.table.close()
	t.table, t.known, t.trees, t.roots = nil, nil, nil, nil
	return err
}
