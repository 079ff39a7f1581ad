package pool

import (
	"container/heap"

	"github.com/heapmage/heapmage/memtools"
)

// queue holds the jobs that wait, the next one first: by priority, then by
// their order of arrival.
type queue []*job

func (q queue) Len() int { return len(q) }

func (q queue) Less(a, b int) bool {
	if q[a].task.Priority != q[b].task.Priority {
		return q[a].task.Priority > q[b].task.Priority
	}
	return q[a].id < q[b].id
}

func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }

// Push and Pop are for container/heap.
func (q *queue) Push(j any) { *q = append(*q, j.(*job)) }

// Pop is Push's counterpart.
func (q *queue) Pop() any {
	last := len(*q) - 1
	j := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return j
}

func (q *queue) add(j *job) { heap.Push(q, j) }

func (q *queue) remove(j *job) bool {
	for i, other := range *q {
		if other == j {
			heap.Remove(q, i)
			return true
		}
	}
	return false
}

const (
	// lookAhead is how many jobs are looked at for one that may start when the
	// first may not.
	lookAhead = 64
	// maxPassed is how often a job may be overtaken before nothing starts until
	// it fits: a large one is never starved.
	maxPassed = 32
)

// next takes the first job out of the queue for which may is true. Those before
// it have been overtaken once more, and one that was overtaken too often is
// waited for. Nil means that nothing may start now.
func (q *queue) next(may func(*job) bool) (found *job) {
	var skipped []*job
	for len(skipped) < lookAhead && len(*q) > 0 {
		j := heap.Pop(q).(*job)
		if may(j) {
			found = j
			break
		}
		skipped = append(skipped, j)
		if j.passed >= maxPassed {
			break
		}
	}
	for _, j := range skipped {
		if found != nil {
			j.passed++
		}
		heap.Push(q, j)
	}
	return found
}

// load is the memory of one worker in the pool's ledger.
type load struct {
	busy bool
	need memtools.Bytes // of its task
	used memtools.Bytes // as last measured
}

// fits reports whether a task with need may start on a worker that uses used
// now, beside others: the larger of need and usage counts for each, since what
// is reserved comes before it shows. One task may always run.
func fits(need, used memtools.Bytes, others []load, budget memtools.Bytes) bool {
	if budget <= 0 {
		return true
	}
	sum, busy := max(need, used), false
	for _, l := range others {
		sum += l.used
		if l.busy {
			busy = true
			sum += max(0, l.need-l.used)
		}
	}
	return !busy || sum <= budget
}
