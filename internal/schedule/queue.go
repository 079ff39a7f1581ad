package schedule

import (
	"cmp"
	"slices"
)

// arrive takes in a job while the run lasts. Until the next plan its place in the
// order of starts rests on its own length, and those that it depends on keep theirs.
func (l *ledger) arrive(given Job) {
	j := l.add(given)
	if j == nil {
		return
	}
	l.estimateOf(j)
	j.Length = cmp.Or(max(0, j.Length), l.typical)
	j.path = j.Length
	l.changes++
	l.stale = true
	if j.missing == 0 {
		l.enqueue(j)
	}
}

// enqueue has a job wait for its probe or for room: its order is satisfied.
func (l *ledger) enqueue(j *job) {
	if l.o.Queued != nil && !l.stopped {
		l.o.Queued(j.ID)
	}
	if l.o.Probe == nil {
		l.makeReady(j)
	} else {
		insert(&l.unprobed, j)
	}
}

// makeReady has a job wait for room, unless it lasts and needs none.
func (l *ledger) makeReady(j *job) {
	if j.Lasting {
		l.lasting = append(l.lasting, j)
	} else {
		insert(&l.ready, j)
	}
}

// insert puts j at its place in the order of starts.
func insert(list *[]*job, j *job) {
	at, _ := slices.BinarySearchFunc(*list, j, longestFirst)
	*list = slices.Insert(*list, at, j)
}

// probes returns the jobs to probe now.
func (l *ledger) probes() []*job {
	if l.stopped {
		return nil
	}
	n := min(len(l.unprobed), l.o.mostProbes()-l.probing)
	jobs := slices.Clone(l.unprobed[:n])
	l.unprobed = slices.Delete(l.unprobed, 0, n)
	l.probing += n
	return jobs
}

// probed takes what a probe found.
func (l *ledger) probed(j *job, o Outcome, known bool) {
	l.probing--
	if known && o.Result != Again {
		l.settle(j, o.Result) // it teaches nothing of others
		return
	}
	l.estimateOf(j)
	l.makeReady(j)
}
