// Package queue orders the tasks of a pool and decides which may start: by
// priority, by age, and so that what they need fits a budget. It starts nothing,
// and its functions depend on nothing but their arguments.
package queue

import "container/heap"

const (
	// lookAhead is how many jobs are looked at for one that may start when the
	// first may not.
	lookAhead = 64
	// maxPassed is how often a job may be overtaken before nothing starts until
	// it fits: a large one never starves.
	maxPassed = 32
)

// Ticket is a job's place in a queue. Jobs embed it.
type Ticket struct {
	ID       uint64 // in the order of arrival
	Priority int    // higher ones come first
	passed   int    // how often the job was overtaken
}

// Place returns the ticket, for the constraint of Queue.
func (t *Ticket) Place() *Ticket { return t }

// Queue holds the jobs that wait, as a heap: the next one is at index 0, the
// others are in no exact order.
type Queue[J interface {
	comparable
	Place() *Ticket
}] []J

// Len is for package heap, as are Less, Swap, Push and Pop.
func (q Queue[J]) Len() int { return len(q) }

// Less compares priority, then age.
func (q Queue[J]) Less(a, b int) bool {
	one, other := q[a].Place(), q[b].Place()
	if one.Priority != other.Priority {
		return one.Priority > other.Priority
	}
	return one.ID < other.ID
}

// Swap exchanges two jobs.
func (q Queue[J]) Swap(a, b int) { q[a], q[b] = q[b], q[a] }

// Push appends a J.
func (q *Queue[J]) Push(j any) { *q = append(*q, j.(J)) }

// Pop removes the last job.
func (q *Queue[J]) Pop() any {
	var none J
	last := len(*q) - 1
	j := (*q)[last]
	(*q)[last] = none
	*q = (*q)[:last]
	return j
}

// Add puts j into the queue.
func (q *Queue[J]) Add(j J) { heap.Push(q, j) }

// Remove takes j out of the queue, and reports whether it was there.
func (q *Queue[J]) Remove(j J) bool {
	for i, other := range *q {
		if other == j {
			heap.Remove(q, i)
			return true
		}
	}
	return false
}

// Next takes the first job out of the queue for which may reports true. Those
// before it count as overtaken; one that was overtaken too often is waited for.
// False means that no job may start now.
func (q *Queue[J]) Next(may func(J) bool) (found J, ok bool) {
	var skipped []J
	for len(skipped) < lookAhead && len(*q) > 0 {
		j := heap.Pop(q).(J)
		if may(j) {
			found, ok = j, true
			break
		}
		skipped = append(skipped, j)
		if j.Place().passed >= maxPassed {
			break
		}
	}
	for _, j := range skipped {
		if ok {
			j.Place().passed++
		}
		heap.Push(q, j)
	}
	return found, ok
}
