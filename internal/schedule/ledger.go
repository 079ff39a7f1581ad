package schedule

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/trend"
	"github.com/heapmage/heapmage/memtools"
)

// ledger is the whole state of a run: what waits, what runs, and what is
// reserved. It has no clock and starts nothing.
//
// A job waits for those that it depends on, then for its probe if there are
// probes, then for room (ready), and then runs. Another attempt waits for room
// again. A job that has ended leaves only its fate.
type ledger struct {
	o    Options
	jobs map[string]*job // those that have not ended, by ID
	// order holds the same and some that have ended, each behind those that it
	// depends on.
	order []*job
	// unprobed wait to be probed, and probing counts those that are being probed.
	unprobed []*job
	probing  int
	// ready wait for nothing but room. Both lists are in the order of starts.
	ready []*job
	// lasting are the lasting jobs that wait for nothing.
	lasting []*job
	// running are the attempts, the oldest first, without those that are aside.
	running []*job
	// aside are the attempts that hold only what they use, the oldest first: those at
	// lasting jobs, and those that were released.
	aside []*job
	// fates are how jobs ended, for those that arrive later.
	fates map[string]fate
	// stopped is true once nothing more may begin.
	stopped bool
	planning
	ladder
	crowd
	quiet
}

// fate is how a job ended.
type fate struct {
	done bool
	// because is the job whose failure it shares, which may be its own.
	because string
}

// job is a Job with its state.
type job struct {
	Job
	behind    []*job // those that depend on it
	followers []*job // those that only have to wait for its end
	missing   int    // how many jobs it still waits for
	// added is its place among all jobs in the order of their coming.
	added int
	// path is the longest chain from its start to the end of the run.
	path time.Duration

	attempts int
	before   []Outcome
	// floor is what it was seen to need. No estimate goes below it.
	floor memtools.Bytes
	// stops counts the attempts that were stopped to make room.
	stops int
	alone bool
	// beside is true if the running attempt was started beside others.
	beside bool
	// thaws counts how often it was thawed because those that moved may have waited for it.
	thaws int
	// roomSince is since when the measured usage has left room for it.
	roomSince time.Time
	// steady is true if it must not be frozen.
	steady bool
	// late is what ladder.late was when it came or was put off: the lower start first.
	late int
	// passedOver counts the jobs that started while this one was first in line.
	passedOver int

	// The rest is that of the running attempt. attempt is its handle, which the
	// ledger keeps for those that act on its decisions.
	attempt   Attempt
	started   time.Time
	usage     memtools.Bytes
	past      trend.Trend
	frozen    bool
	stopping  bool
	stoppedAt time.Time // if it is stopping
	yields    bool      // if it is stopping for other programs
	room      memtools.Bytes
	// guest is true if it started although its need did not fit. It runs in what
	// the others leave, and is frozen before it takes more.
	guest bool
	// released is true if it was found to wait only for jobs that arrive.
	released bool
}

func newLedger(jobs []Job, o Options) *ledger {
	l := &ledger{o: o, jobs: make(map[string]*job, len(jobs)), fates: make(map[string]fate, len(jobs))}
	var first []*job
	for _, given := range jobs {
		if j := l.add(given); j != nil && j.missing == 0 {
			first = append(first, j)
		}
	}
	l.estimate()
	l.plan()
	slices.SortFunc(first, longestFirst)
	for _, j := range first {
		l.enqueue(j)
	}
	return l
}

// add takes a job in. It returns nil if the job will not run.
func (l *ledger) add(given Job) *job {
	if l.jobs[given.ID] != nil {
		return nil
	}
	j := &job{Job: given, added: l.added, late: l.late}
	l.added++
	if because, blocked := l.blocked(given); blocked {
		l.skip(j, because)
		return nil
	}
	for _, a := range given.After {
		if before := l.jobs[a]; before != nil {
			before.behind = append(before.behind, j)
			j.missing++
		}
	}
	for _, f := range given.Follows {
		if before := l.jobs[f]; before != nil {
			before.followers = append(before.followers, j)
			j.missing++
		}
	}
	l.jobs[j.ID] = j
	l.order = append(l.order, j)
	return j
}

// blocked reports whether a job can never start, and because of which other.
func (l *ledger) blocked(given Job) (because string, blocked bool) {
	for _, a := range given.After {
		if l.jobs[a] != nil {
			continue
		}
		if f, known := l.fates[a]; !known {
			return a, true
		} else if !f.done {
			return f.because, true
		}
	}
	return "", false
}

// idle reports whether nothing is under way, and nothing waits for memory that other
// programs hold. Unless the ledger is stopped, nothing that could begin is left then: one
// attempt may always run.
func (l *ledger) idle() bool {
	return len(l.running) == 0 && len(l.aside) == 0 && l.probing == 0 && (len(l.ready)+len(l.lasting) == 0 || l.stopped)
}

// sorted brings the usages up to date and splits the attempts, the oldest first.
// It counts as stopping only those that may still end in time.
func (l *ledger) sorted(m Memory) (moving, frozen []*job, stopping int) {
	l.rest.Note(m.Time, m.Rest)
	l.crowd.past.Note(m.Time, m.others())
	for _, j := range l.running {
		j.usage = m.Tasks[j.ID]
		j.past.Note(m.Time, j.usage)
		switch {
		case j.stopping:
			if m.Time.Sub(j.stoppedAt) < stopTimeout {
				stopping++
			}
		case j.frozen:
			frozen = append(frozen, j)
		default:
			moving = append(moving, j)
		}
	}
	return moving, frozen, stopping
}

// raiseFloors remembers what those that exceed their need were seen to use.
func (l *ledger) raiseFloors(moving []*job) {
	for _, j := range moving {
		if j.usage > j.need() {
			j.floor = j.reserved()
		}
	}
}

// end takes what an attempt handed back.
func (l *ledger) end(j *job, o Outcome) {
	l.ended()
	l.running = slices.DeleteFunc(l.running, func(r *job) bool { return r == j })
	l.aside = slices.DeleteFunc(l.aside, func(r *job) bool { return r == j })
	l.freeing = l.freeing || j.stopping
	j.past, j.attempt = nil, nil
	if o.Result == Again && j.released {
		o.Result = Failed // what arrived below it has run
	}
	if o.Result != Again {
		l.settle(j, o.Result)
		return
	}
	if j.stopping {
		l.putBack(j)
	}
	j.before = append(j.before, o)
	j.floor = max(j.floor, o.Need)
	j.alone = j.alone || o.Alone
	j.steady = j.steady || o.Paused > 0
	l.displaced = l.displaced || o.ForOthers
	l.makeReady(j)
}

// settle ends a job that is done or has failed.
func (l *ledger) settle(j *job, r Result) {
	if l.open(j) {
		delete(l.jobs, j.ID)
	}
	if r == Failed {
		l.fates[j.ID] = fate{because: j.ID}
		l.stopped = l.stopped || l.o.StopAtFailure
		l.skipBehind(j, j.ID)
	} else {
		l.fates[j.ID] = fate{done: true}
		l.release(j.behind)
	}
	l.release(j.followers)
}

// release lets jobs no longer wait for one that has ended.
func (l *ledger) release(waiting []*job) {
	for _, next := range waiting {
		if next.missing--; next.missing == 0 && l.open(next) {
			l.enqueue(next)
		}
	}
}

// open reports whether the job has not ended.
func (l *ledger) open(j *job) bool { return l.jobs[j.ID] == j }

func (l *ledger) skipBehind(j *job, because string) {
	for _, next := range j.behind {
		if l.open(next) {
			l.skip(next, because)
			l.skipBehind(next, because)
			l.release(next.followers)
		}
	}
}

func (l *ledger) skip(j *job, because string) {
	delete(l.jobs, j.ID)
	l.fates[j.ID] = fate{because: because}
	if l.o.Skipped != nil {
		l.o.Skipped(j.ID, because)
	}
}

// skipRest skips what has not ended, in the order of starts.
func (l *ledger) skipRest() {
	rest := slices.DeleteFunc(slices.Clone(l.order), func(j *job) bool { return !l.open(j) })
	slices.SortFunc(rest, longestFirst)
	for _, j := range rest {
		l.skip(j, "")
	}
}
