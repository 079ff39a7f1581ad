package memtools

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

// Forked processes share the pages of their parent, and processes that map one file
// share its pages; the kernel's status of a process counts such pages in each of them. So
// the sum of the statuses can be many times the memory in use. The kernel tells the true
// shares (smaps_rollup), but at some 3 ms for each GB. So they are read seldom, and in
// between:
//
//   - a fork counts only what it has grown by since it was first seen;
//   - a process whose share was read counts that share and what it has grown by since;
//   - forks of one program count together at least what the largest of them has, and what
//     each has grown by, which holds while some start and others end;
//   - shared memory counts no more than the kernel has in all.
//
// Pages that a fork copies by writing to them do not show until the next reading.

const (
	// minShared is the memory of a tree's suspects below which nothing is read: it
	// would make no difference.
	minShared = 64 * MB
	// minShmem is the shared memory that makes a process a suspect.
	minShmem = MB
	// shareCost is how many times longer than a reading took no other one follows: it
	// takes half a percent of a processor at most.
	shareCost = 200
)

// sharing is what a tree needs to count shared pages once.
type sharing struct {
	members []*entry  // at this sample; kept for its memory
	readAt  time.Time // of the last reading of shares
	readFor time.Duration
}

// counting is how a process is counted.
type counting struct {
	image    uint64 // it had when base and exact were set
	command  string // likewise
	seen     bool   // base and exact were decided
	fork     bool   // another of its tree has the same image
	born     int64  // the most private memory that it can have from its parent
	exact    proctable.Share
	base     proctable.Share // what exact stands for, in the figures of the status
	shmScale float64         // zero means 1
	rest     int64           // that its forks together count too little
}

// private is the anonymous memory of the status, resident or swapped out.
func (e *entry) private() int64 { return e.Usage - e.Shmem }

// counted is the memory of e, each shared page counted once in all.
func (e *entry) counted() Bytes { return Bytes(e.countedPrivate()) + e.countedShmem() }

// countedShmem is the shared memory of e.
func (e *entry) countedShmem() Bytes {
	shm := grown(e.Shmem, e.base.Shmem, e.exact.Shmem)
	if e.shmScale > 0 {
		shm = min(shm, int64(float64(e.Shmem)*e.shmScale))
	}
	return Bytes(shm)
}

// countedPrivate is counted without the shared memory.
func (e *entry) countedPrivate() int64 {
	return grown(e.private(), e.base.Private, e.exact.Private) + e.rest
}

// grown is exact and what now is above base, but no more than now.
func grown(now, base, exact int64) int64 { return min(now, exact+max(0, now-base)) }

// countLocked decides how the members of each tree are counted.
func (t *Tracker) countLocked(now time.Time) {
	var shmem int64
	for _, tr := range t.trees {
		tr.findForks()
		for _, e := range tr.members {
			shmem += e.Shmem
		}
	}
	t.limitShmem(shmem)
	for _, tr := range t.trees {
		t.readShares(tr, now)
		tr.countForks()
	}
}

// findForks notes which members are forks of others. The first of them is the one whose
// pages the others share.
func (tr *tree) findForks() {
	for _, e := range tr.members {
		if e.seen && (e.Command != e.command || e.image != e.Image) { // it runs another program now
			e.counting = counting{}
		}
	}
	if !slices.ContainsFunc(tr.members, func(e *entry) bool { return !e.seen }) {
		return
	}
	slices.SortFunc(tr.members, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.Image, b.Image), cmp.Compare(a.Start, b.Start), cmp.Compare(a.PID, b.PID))
	})
	for i, e := range tr.members {
		first, parent := e, (*entry)(nil)
		for j := i - 1; j >= 0 && e.Image != 0 && tr.members[j].Image == e.Image; j-- {
			if first = tr.members[j]; first.PID == e.PPID {
				parent = first
			}
		}
		if e != first {
			e.fork, first.fork = true, true
		}
		if e.seen {
			continue
		}
		e.seen, e.image, e.command = true, e.Image, e.Command
		if e != first {
			e.born = e.private() // what it has grown by is unknown
			if parent != nil && !parent.Zombie {
				first, e.born = parent, min(e.born, max(parent.private(), parent.MaxRSS))
			}
			e.base = proctable.Share{Private: min(e.private(), first.private()), Shmem: min(e.Shmem, first.Shmem)}
		}
	}
}

// countForks has the forks of each program count no less than the largest of them, and
// than what each has grown by since its birth: readings miss what changes meanwhile.
func (tr *tree) countForks() {
	type family struct {
		largest    *entry
		sum, grown int64
	}
	var families map[uint64]family // nil as long as there are no forks, as in most trees
	for _, e := range tr.members {
		e.rest = 0
		if !e.fork {
			continue
		}
		if families == nil {
			families = map[uint64]family{}
		}
		f := families[e.Image]
		if f.largest == nil || e.private() > f.largest.private() {
			f.largest = e
		}
		f.sum += e.countedPrivate()
		f.grown += max(0, e.private()-e.born)
		families[e.Image] = f
	}
	for _, f := range families {
		f.largest.rest = max(0, max(f.largest.private(), f.grown)-f.sum)
	}
}

// suspects are the members that may share pages with each other.
func (tr *tree) suspects() (list []*entry) {
	shared, sum := 0, Bytes(0)
	for _, e := range tr.members {
		if e.Shmem >= int64(minShmem) {
			shared++
		}
	}
	for _, e := range tr.members {
		if e.fork || shared > 1 && e.Shmem >= int64(minShmem) {
			list = append(list, e)
			sum += Bytes(e.Usage)
		}
	}
	if len(list) < 2 || sum < minShared {
		return nil
	}
	return list
}

// readShares reads the shares of a tree's suspects, if that is due.
func (t *Tracker) readShares(tr *tree, now time.Time) {
	list := tr.suspects()
	if list == nil || !tr.readAt.IsZero() && now.Sub(tr.readAt) < shareCost*tr.readFor {
		return
	}
	began := time.Now()
	for _, e := range list {
		share, err := t.table.Share(e.PID)
		if err != nil {
			continue // it has ended, or may not be read: the estimate stands
		}
		e.exact, e.base = share, proctable.Share{Private: e.private(), Shmem: e.Shmem}
	}
	tr.readAt, tr.readFor = now, time.Since(began)
}

// limitShmem has shared memory count no more than the kernel has of it. sum is that of
// all members.
func (t *Tracker) limitShmem(sum int64) {
	t.shmem.note()
	scale := 0.0
	if Bytes(sum) >= minShared && t.shmem.known && int64(t.shmem.now) < sum {
		scale = float64(t.shmem.now) / float64(sum)
	}
	for _, tr := range t.trees {
		for _, e := range tr.members {
			e.shmScale = scale
		}
	}
}

// shmem is the shared memory that the kernel has, mapped or not.
type shmem struct {
	known      bool // both below
	now, least Bytes
	read       func() (Bytes, error)
}

func (s *shmem) note() {
	now, err := s.read()
	if err != nil {
		return // the last figure stands
	}
	if !s.known || now < s.least {
		s.least = now
	}
	s.now, s.known = now, true
}

// unmappedLocked is the shared memory that came since the start and that no process of s
// maps. What was there before may be mapped now, so this is the least that it can be.
func (t *Tracker) unmappedLocked(s Sample) Bytes {
	unmapped := t.shmem.now - t.shmem.least
	for _, tree := range s.Trees {
		unmapped -= tree.Shared
	}
	return max(0, unmapped)
}
