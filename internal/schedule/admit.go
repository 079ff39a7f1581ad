package schedule

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

const (
	// minFreeCPU is the part of a processor that must be free for another job to
	// start. With less it would only slow down those that run.
	minFreeCPU = 0.5
	// backfillWindow is how many of the ready jobs are looked at for one that fits.
	backfillWindow = 64
	// maxPassedOver is how many jobs may start before the first in line does.
	maxPassedOver = 16
	// minGuestTime is how long a guest must be expected to run until its room is full.
	minGuestTime = time.Second
	// needMargin is the margin below its need, at most a twentieth of it, at which a
	// job counts as exceeding it.
	needMargin = 16 * memtools.MB
)

// need is what is reserved for the job.
func (j *job) need() memtools.Bytes { return max(j.Need, j.floor) }

// cores is how many processors it keeps busy.
func (j *job) cores() float64 { return cmp.Or(j.Cores, 1) }

// withinNeed reports whether a running job keeps to its need. One that has all but
// reached it was underestimated, and is expected to go on growing.
func (j *job) withinNeed() bool { return j.usage < j.need()-min(j.need()/20, needMargin) }

// reserved is what a running job holds or will hold.
func (j *job) reserved() memtools.Bytes {
	if j.withinNeed() {
		return j.need()
	}
	return max(j.need(), j.usage+j.usage/4)
}

// grant is what the attempt that was just admitted is given.
func (j *job) grant() Grant {
	g := Grant{Job: j.Job, Attempt: j.attempts, Alone: j.alone && !j.beside, Before: slices.Clip(j.before)}
	g.Need, g.Room = j.need(), j.room
	return g
}

// admit returns the jobs that start now, which then count as running.
func (l *ledger) admit(m Memory) []*job {
	if l.stopped {
		return nil
	}
	l.refresh()
	for _, j := range l.running {
		j.usage = m.Tasks[j.ID]
	}
	admitted := l.startLasting(m)
	for j, guest := l.next(m); j != nil; j, guest = l.next(m) {
		at := slices.Index(l.ready, j)
		l.ready = slices.Delete(l.ready, at, at+1)
		j.beside = len(l.running) > 0
		l.begin(j, m)
		j.guest = guest
		l.running = append(l.running, j)
		admitted = append(admitted, j)
	}
	return admitted
}

// begin begins an attempt at a job.
func (l *ledger) begin(j *job, m Memory) {
	j.attempts++
	j.started, j.usage, j.past, j.frozen, j.stopping, j.yields, j.guest = m.Time, 0, nil, false, false, false, false
	j.room = l.roomFor(j, m)
	l.quiet = quiet{}
}

// roomFor is what the budget leaves to an attempt beside the others.
func (l *ledger) roomFor(j *job, m Memory) memtools.Bytes {
	if m.Budget <= 0 {
		return 0
	}
	room := m.Budget - m.Rest
	for _, other := range l.running {
		if other != j {
			room -= other.reserved()
		}
	}
	return max(room, 1)
}

// next returns the job to start now, or nil if there is none.
func (l *ledger) next(m Memory) (j *job, guest bool) {
	if j, guest = l.fitting(m); j == nil {
		j = l.overdue(m)
	}
	return j, guest
}

// fitting is next by the needs.
func (l *ledger) fitting(m Memory) (j *job, guest bool) {
	if len(l.ready) == 0 || len(l.running) >= l.o.MostAtOnce() {
		return nil, false
	}
	first := l.ready[0]
	if waits := l.waits(m); len(l.running) == 0 {
		if waits {
			return l.beside(m), false
		}
		return first, false // so that no run ever stands still
	}
	busy := 0.0
	held := m.Rest
	for _, j := range l.running {
		if j.frozen || j.stopping || j.alone || j.guest {
			return nil, false
		}
		busy += j.cores()
		held += j.reserved()
	}
	if busy > l.o.cpus()-minFreeCPU {
		return nil, false
	}
	free := m.Budget - held
	fits := func(j *job) bool { return !j.alone && (m.Budget <= 0 || j.need() <= free) }
	if fits(first) {
		return first, false
	}
	if first.passedOver < maxPassedOver {
		at, beside := l.opening(first, m, free)
		for _, j := range l.ready[1:min(backfillWindow, len(l.ready))] {
			if fits(j) && (m.Time.Add(j.Length).Before(at) || j.need() <= beside) {
				first.passedOver++
				return j, false
			}
		}
	}
	if !first.alone && !first.Fragile && first.stops == 0 && first.worthAGuest(free) {
		return first, true
	}
	return nil, false
}

// worthAGuest reports whether a job gets far enough in the memory that is free: it has half
// of its need, and at even growth some time until it is frozen. One that takes all its
// memory at once would be frozen late, and then stopped.
func (j *job) worthAGuest(free memtools.Bytes) bool {
	fills := time.Duration(float64(j.Length) * float64(free) / float64(max(j.need(), 1)))
	return free >= j.need()/2 && (j.Length == 0 || fills >= minGuestTime)
}

// opening returns when the first in line is expected to start, and what will be
// free beside it then. A job that ends before that, or fits beside it, does not
// delay it (the backfilling of EASY, Lifka 1995).
func (l *ledger) opening(first *job, m Memory, free memtools.Bytes) (at time.Time, beside memtools.Bytes) {
	ends := slices.Clone(l.running)
	end := func(j *job) time.Time {
		if at := j.started.Add(j.Length); at.After(m.Time) {
			return at
		}
		return m.Time.Add(j.Length / 10) // it takes longer than expected
	}
	slices.SortStableFunc(ends, func(a, b *job) int { return end(a).Compare(end(b)) })
	for i, j := range ends {
		free += j.reserved()
		at = end(j)
		if !first.alone && first.need() <= free || i == len(ends)-1 {
			break
		}
	}
	if first.alone {
		return at, 0
	}
	return at, free - first.need()
}
