package schedule

import (
	"cmp"
	"slices"
	"time"
)

// planning is what the ledger knows of its plan, the order of starts.
type planning struct {
	// added counts all jobs that ever came.
	added int
	// stale is true if a job has ended or arrived since the plan was last looked at,
	// and changes counts those that have since it was made.
	stale   bool
	changes int
	// typical is the length of a job of which none is known.
	typical time.Duration
}

// alwaysReplanned is up to how many jobs the plan is made anew after each change.
// With more it is made anew when a quarter of them has changed: it costs time in
// proportion to their number.
const alwaysReplanned = 64

// ended notes that an attempt or a job has ended, so that more may be known.
func (l *ledger) ended() {
	l.changes++
	l.stale = l.stale || l.o.Estimate != nil
}

// refresh brings the plan up to date if enough has changed. If not, the first in
// line at least is estimated anew, as its turn comes.
func (l *ledger) refresh() {
	if !l.stale {
		return
	}
	l.stale = false
	if len(l.jobs) <= alwaysReplanned || 4*l.changes >= len(l.jobs) {
		l.estimate()
		l.plan()
	} else if len(l.ready) > 0 {
		l.estimateOf(l.ready[0])
	}
}

// estimate asks for what is known of all jobs that wait.
func (l *ledger) estimate() {
	for _, j := range l.order {
		if l.open(j) && !slices.Contains(l.running, j) {
			l.estimateOf(j)
		}
	}
}

// estimateOf asks for what is known of a job, if anybody knows.
func (l *ledger) estimateOf(j *job) {
	if l.o.Estimate != nil {
		j.Estimate = l.o.Estimate(j.ID)
	}
}

// plan puts the jobs in the order of starts.
func (l *ledger) plan() {
	l.changes = 0
	l.order = slices.DeleteFunc(l.order, func(j *job) bool { return !l.open(j) })
	l.longestPaths()
	slices.SortFunc(l.unprobed, longestFirst)
	slices.SortFunc(l.ready, longestFirst)
}

// longestFirst is the order of starts: the longest path first, and of equal ones
// the job that came first. Jobs that were put off come last.
func longestFirst(a, b *job) int {
	return cmp.Or(cmp.Compare(a.late, b.late), cmp.Compare(b.path, a.path), cmp.Compare(a.added, b.added))
}

// longestPaths sets for each job the time from its start to the end of the run if
// nothing had to wait: its own length and the longest chain behind it.
func (l *ledger) longestPaths() {
	l.typical = meanLength(l.order)
	for _, j := range slices.Backward(l.order) {
		if j.Length <= 0 {
			j.Length = l.typical
		}
		j.path = j.Length
		for _, waiting := range [][]*job{j.behind, j.followers} {
			for _, b := range waiting {
				if l.open(b) {
					j.path = max(j.path, j.Length+b.path)
				}
			}
		}
	}
}

// meanLength is the mean of the known lengths, or a second if there are none.
func meanLength(jobs []*job) time.Duration {
	var sum time.Duration
	known := 0
	for _, j := range jobs {
		if j.Length > 0 {
			sum += j.Length
			known++
		}
	}
	if known == 0 {
		return time.Second
	}
	return sum / time.Duration(known)
}
