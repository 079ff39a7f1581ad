package memtools

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

// Sample is the memory of this process and of all tracked trees at one moment.
type Sample struct {
	// Time is when it was taken.
	Time time.Time
	// Own is the usage of this process, without its children.
	Own Bytes
	// Trees are the tracked trees by id. A tree whose processes have all ended
	// stays, without usage but with its peak, until Untrack.
	Trees map[string]Tree
	// Total is Own plus the usage of all trees. No process is counted twice.
	Total Bytes
	// Unmapped is shared memory that no tracked process maps, such as files in /dev/shm
	// and on other tmpfs: how much there is beyond what was there at NewTracker. It is
	// that of this process's cgroup, or of the whole machine without one, so other
	// programs may have made it. It is not part of Total. Linux only; zero elsewhere.
	Unmapped Bytes
}

// Tree is the memory of one tracked tree.
type Tree struct {
	// Usage is the sum over Processes.
	Usage Bytes
	// Shared is the part of Usage that is shared memory. Linux only.
	Shared Bytes
	// Peak is the highest Usage since Track. On Linux it includes what a single process
	// held for a moment between two samples.
	Peak Bytes
	// MaxRSS is the highest RSS of any single process since Track: on Linux as the
	// kernel saw it, elsewhere in the samples.
	MaxRSS Bytes
	// CPU is the processor time of all processes that samples have seen in the
	// tree, including those that have ended. It is read once a second, so up to a
	// second of each process is missing. Linux only; zero elsewhere.
	CPU time.Duration
	// ChildCPU is the processor time of children that the living processes have waited for,
	// as they and the kernel count it. Some of it may be in CPU too: if neither grows, the
	// tree did nothing. Linux only; zero elsewhere.
	ChildCPU time.Duration
	// Processes are the living processes by ascending PID. Zombies, which hold no
	// memory, are left out.
	Processes []Process
}

// Process is one living process of a tree.
type Process struct {
	PID int
	// Start tells processes with the same PID apart; see Identity.
	Start uint64
	// PPID is the parent's PID: that of init or of a subreaper once the parent has
	// ended.
	PPID int
	// PGID is the process group's id. Zero if the system has none.
	PGID int
	// Usage is the memory of the process itself: on Linux anonymous and shared
	// memory, resident or swapped out (RssAnon + RssShmem + VmSwap), of which pages
	// that processes of its tree share count once. On other systems, and on kernels
	// before 4.5, it is RSS.
	Usage Bytes
	// RSS is the resident set. It counts the pages of a shared binary or library in
	// each process, so it must not be summed.
	RSS Bytes
	// Command is the command line, cut at 200 bytes, or the program's name if that
	// cannot be read. It is read again only if the process runs another program.
	Command string
}

// Identity returns the identity of p.
func (p Process) Identity() Identity { return Identity{PID: p.PID, Start: p.Start} }

// cpuInterval is how often processor times are read. Reading them costs as much
// as reading the memory.
const cpuInterval = time.Second

// Sample measures now. It fails if the process table cannot be read, if not even
// one descriptor is left, and with os.ErrClosed after Close. A process that ends
// meanwhile is no error.
func (t *Tracker) Sample() (Sample, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		return Sample{}, fmt.Errorf("sample processes: %w", os.ErrClosed)
	}
	if err := t.lookLocked(); err != nil {
		return Sample{}, err
	}
	if err := t.measureLocked(t.own); err != nil {
		return Sample{}, fmt.Errorf("read the memory of this process: %w", err)
	}
	own := Bytes(t.own.Usage)
	s := Sample{Time: time.Now(), Own: own, Total: own, Trees: make(map[string]Tree, len(t.trees))}
	for id, tr := range t.trees {
		s.Trees[id] = Tree{Processes: make([]Process, 0, tr.last)}
	}
	if err := t.measureMembersLocked(s); err != nil {
		return Sample{}, err
	}
	for id, tr := range t.trees { // only now: what has just ended is in spent
		tree := s.Trees[id]
		tree.CPU += tr.spent
		tr.peak, tr.last = max(tr.peak, tree.Usage, tr.missed()), len(tree.Processes)
		tree.Peak, tree.MaxRSS = tr.peak, tr.maxRSS
		tr.leads = tr.leads && tr.ledIn == t.round
		slices.SortFunc(tree.Processes, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
		s.Trees[id] = tree
		s.Total += tree.Usage
	}
	s.Unmapped = t.unmappedLocked(s)
	return s, nil
}

// measureMembersLocked measures every process of a tree and adds it to s.Trees.
func (t *Tracker) measureMembersLocked(s Sample) error {
	timing := s.Time.Sub(t.timed) >= cpuInterval
	if timing {
		t.timed = s.Time
	}
	for _, tr := range t.trees {
		tr.members = tr.members[:0]
	}
	for pid, e := range t.known {
		if e.tree == nil {
			continue
		}
		if err := t.measureLocked(e); errors.Is(err, os.ErrProcessDone) {
			t.dropLocked(e)
			continue
		} else if err != nil {
			return fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
		if e.tree.root.Leads(e.Process) {
			e.tree.ledIn = t.round
		}
		if timing {
			t.table.MeasureCPU(&e.Measured)
		}
		e.tree.members = append(e.tree.members, e)
	}
	t.countLocked(s.Time)
	for id, tr := range t.trees {
		tree := s.Trees[id]
		for _, e := range tr.members {
			tree.CPU += e.CPU
			tree.ChildCPU += e.ChildCPU
			if !e.Zombie {
				tree.Usage += e.counted()
				tree.Shared += e.countedShmem()
				tree.Processes = append(tree.Processes, e.process())
			}
		}
		s.Trees[id] = tree
	}
	return nil
}

func (e *entry) process() Process {
	return Process{
		PID: e.PID, Start: e.Start, PPID: e.PPID, PGID: e.Group,
		Usage: e.counted(), RSS: Bytes(e.RSS), Command: e.Command,
	}
}

// measureLocked measures e. If descriptors are short it gives back all that are
// kept and tries again.
func (t *Tracker) measureLocked(e *entry) error {
	err := t.table.Measure(&e.Measured)
	if errors.Is(err, proctable.ErrNoFiles) {
		t.forgetAllLocked()
		err = t.table.Measure(&e.Measured)
	}
	return err
}

// identifyLocked is measureLocked for identities.
func (t *Tracker) identifyLocked(p *proctable.Process) error {
	err := t.table.Identify(p)
	if errors.Is(err, proctable.ErrNoFiles) {
		t.forgetAllLocked()
		err = t.table.Identify(p)
	}
	return err
}

func (t *Tracker) forgetAllLocked() {
	for _, e := range t.known {
		t.table.Forget(&e.Measured)
	}
	t.table.Forget(&t.own.Measured)
}
