package schedule

import (
	"cmp"
	"slices"
	"time"
)

// refresh makes the plan anew where enough jobs have ended since; otherwise the
// first in line is asked for again as its turn comes.
func (l *ledger) refresh() {
	if !l.stale || l.o.Estimate == nil {
		return
	}
	l.stale = false
	if len(l.jobs) <= replanned || 4*l.ends >= len(l.jobs) {
		l.ends = 0
		l.estimate()
		l.plan()
		return
	}
	if len(l.ready) > 0 {
		head := l.ready[0]
		head.Estimate = l.o.Estimate(head.ID)
	}
}

// replanned is up to how many jobs the whole plan is made anew after each; of
// more it is after a quarter of them.
const replanned = 64

// estimate asks for what is known of all jobs that wait.
func (l *ledger) estimate() {
	if l.o.Estimate == nil {
		return
	}
	for _, j := range l.order {
		if l.jobs[j.ID] == j && !slices.Contains(l.running, j) {
			j.Estimate = l.o.Estimate(j.ID)
		}
	}
}

// plan gives each job its place in the order of starts: the longest path first.
func (l *ledger) plan() {
	l.order = slices.DeleteFunc(l.order, func(j *job) bool { return l.jobs[j.ID] != j })
	l.longestPaths()
	order := slices.Clone(l.order)
	slices.SortStableFunc(order, func(a, b *job) int { return cmp.Compare(b.path, a.path) })
	for n, j := range order {
		j.rank = n
	}
	slices.SortFunc(l.ready, byRank)
}

// longestPaths sets for each job the time from its start to the end of the run
// if nothing had to wait: its own length and the longest chain after it. A job
// without a known length counts as the mean of the others, or as a second.
func (l *ledger) longestPaths() {
	unknown := meanLength(l.order)
	for _, j := range slices.Backward(l.order) {
		if j.Length <= 0 {
			j.Length = unknown
		}
		j.path = j.Length
		for _, b := range j.behind {
			if l.jobs[b.ID] == b {
				j.path = max(j.path, j.Length+b.path)
			}
		}
	}
}

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
