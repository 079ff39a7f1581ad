package schedule

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// ledger is the whole state of a run: what waits, what runs, and what is
// reserved. It has no clock and starts nothing.
type ledger struct {
	o    Options
	jobs map[string]*job // those that neither succeeded, failed nor were skipped
	// order holds all jobs, each after those that it depends on.
	order []*job
	// ready are the jobs that wait for nothing but room, by rank.
	ready []*job
	// running are the attempts, the oldest first.
	running []*job
	// stale is set where a job has ended since the estimates were asked for, and
	// ends counts those that have since the plan was made.
	stale bool
	ends  int
	ladder
}

// job is a Job with its state.
type job struct {
	Job
	behind  []*job
	missing int // how many of its predecessors have not succeeded
	// rank is its place in the order of starts, path the longest chain from its
	// start to the end of the run.
	rank int
	path time.Duration

	attempts int
	// floor is what it was seen to need, which no estimate goes below.
	floor memtools.Bytes
	// stops counts the attempts that were stopped to make room.
	stops int
	alone bool
	// passed counts the jobs that started while this one was first in line.
	passed int

	// The rest is that of the running attempt.
	started  time.Time
	usage    memtools.Bytes
	past     trend
	frozen   bool
	stopping bool
	stopped  time.Time // where it is stopping
	// guest is set where it started although its need did not fit: it runs in
	// what the others leave, and is frozen before it needs more.
	guest bool
}

func newLedger(jobs []Job, o Options) *ledger {
	l := &ledger{o: o, jobs: make(map[string]*job, len(jobs))}
	all := make([]job, len(jobs))
	for i, j := range jobs {
		n := &all[i]
		n.Job, n.missing = j, len(j.After)
		l.jobs[j.ID] = n
		l.order = append(l.order, n)
		for _, a := range j.After {
			l.jobs[a].behind = append(l.jobs[a].behind, n)
		}
		if n.missing == 0 {
			l.ready = append(l.ready, n)
		}
	}
	l.estimate()
	l.plan()
	return l
}

// need is what is reserved for the job.
func (j *job) need() memtools.Bytes { return max(j.Need, j.floor) }

// cores is how many processors it keeps busy.
func (j *job) cores() float64 { return cmp.Or(j.Cores, 1) }

// within reports whether a running job keeps to its need. One that has all but
// passed it was underestimated, and is expected to go on growing.
func (j *job) within() bool { return j.usage < j.need()-min(j.need()/20, almost) }

// reserved is what a running job holds or will hold.
func (j *job) reserved() memtools.Bytes {
	if j.within() {
		return j.need()
	}
	return max(j.need(), j.usage+j.usage/4)
}

const (
	// spare is the part of a processor that must be free for another job to
	// start: below it the job would only slow down those that run.
	spare = 0.5
	// crowd is how many jobs may run for each processor, however little they
	// keep it busy.
	crowd = 4
	// window is how many of the ready jobs are looked at for one that fits.
	window = 64
	// almost is how near to its need a job has all but passed it.
	almost = 16 * memtools.MB
	// patience is how many jobs may start before the first in line does.
	patience = 16
)

// MostAtOnce is how many jobs may run at once, whatever memory there is.
func (o Options) MostAtOnce() int {
	if o.Slots > 0 {
		return o.Slots
	}
	return int(crowd * o.cpus())
}

func (o Options) cpus() float64 { return max(1, o.CPUs) }

// admit starts what may start now.
func (l *ledger) admit(m Memory) []Grant {
	l.refresh()
	for _, j := range l.running {
		j.usage = m.Tasks[j.ID]
	}
	var grants []Grant
	for j, guest := l.next(m); j != nil; j, guest = l.next(m) {
		l.ready = slices.Delete(l.ready, slices.Index(l.ready, j), slices.Index(l.ready, j)+1)
		l.running = append(l.running, j)
		j.attempts++
		j.started, j.usage, j.past, j.frozen, j.stopping, j.guest = m.Time, 0, nil, false, false, guest
		grants = append(grants, Grant{Job: j.Job, Attempt: j.attempts, Alone: j.alone})
		grants[len(grants)-1].Need = j.need()
	}
	return grants
}

// next returns the job to start now; nil where there is none.
func (l *ledger) next(m Memory) (j *job, guest bool) {
	if len(l.ready) == 0 || len(l.running) >= l.o.MostAtOnce() {
		return nil, false
	}
	head := l.ready[0]
	if len(l.running) == 0 {
		return head, false // so that no run ever stands still
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
	if busy > l.o.cpus()-spare {
		return nil, false
	}
	free := m.Budget - held
	fits := func(j *job) bool { return !j.alone && (m.Budget <= 0 || j.need() <= free) }
	if fits(head) {
		return head, false
	}
	if head.passed < patience {
		at, beside := l.opening(head, m, free)
		for _, j := range l.ready[1:min(window, len(l.ready))] {
			if fits(j) && (m.Time.Add(j.Length).Before(at) || j.need() <= beside) {
				head.passed++
				return j, false
			}
		}
	}
	if l.o.Hands != nil && !head.alone && head.stops == 0 && free >= head.need()/2 {
		return head, true
	}
	return nil, false
}

// opening says when the first in line is expected to start, and what will be
// free beside it then. A job that ends before that, or fits beside it, does not
// delay it (the backfilling of EASY, Lifka 1995).
func (l *ledger) opening(head *job, m Memory, free memtools.Bytes) (at time.Time, beside memtools.Bytes) {
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
		if !head.alone && head.need() <= free || i == len(ends)-1 {
			break
		}
	}
	if head.alone {
		return at, 0
	}
	return at, free - head.need()
}

// end takes what an attempt handed back.
func (l *ledger) end(id string, o Outcome) {
	j := l.jobs[id]
	l.running = slices.DeleteFunc(l.running, func(r *job) bool { return r == j })
	j.past = nil
	l.stale = true
	l.ends++
	switch o.Result {
	case Again:
		if j.stopping {
			l.putBack(j)
		}
		j.floor = max(j.floor, o.Need)
		j.alone = j.alone || o.Alone
		l.makeReady(j)
	case Done:
		delete(l.jobs, id)
		for _, next := range j.behind {
			if next.missing--; next.missing == 0 && l.jobs[next.ID] == next {
				l.makeReady(next)
			}
		}
	case Failed:
		delete(l.jobs, id)
		l.skipBehind(j, id)
	}
}

// makeReady puts j into the ready jobs at its place in the order of starts.
func (l *ledger) makeReady(j *job) {
	at, _ := slices.BinarySearchFunc(l.ready, j, byRank)
	l.ready = slices.Insert(l.ready, at, j)
}

func byRank(a, b *job) int { return cmp.Compare(a.rank, b.rank) }

func (l *ledger) skipBehind(j *job, because string) {
	for _, next := range j.behind {
		if l.jobs[next.ID] != nil {
			l.skip(next, because)
			l.skipBehind(next, because)
		}
	}
}

func (l *ledger) skip(j *job, because string) {
	delete(l.jobs, j.ID)
	if l.o.Skipped != nil {
		l.o.Skipped(j.ID, because)
	}
}

// skipRest skips what neither ran nor was skipped, in the order of starts.
func (l *ledger) skipRest() {
	rest := slices.DeleteFunc(slices.Clone(l.order), func(j *job) bool { return l.jobs[j.ID] != j })
	slices.SortFunc(rest, byRank)
	for _, j := range rest {
		l.skip(j, "")
	}
}
