package timeline

import (
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// queue are the tasks that wait for memory and a processor, and what is taken. It tells what each
// waited for. The zero value is empty.
type queue struct {
	waiting     []*waiter
	running     map[int]held // by task
	reserved    memtools.Bytes
	concurrency int // how many may run at once; zero means as many as fit
	cpus        float64
	budget      memtools.Bytes
}

// held is what a running task takes: the larger of the two.
type held struct{ need, usage memtools.Bytes }

// waiter is a task that waits.
type waiter struct {
	task  int
	need  memtools.Bytes
	since time.Time
	// seen is up to when causes counts.
	seen   time.Time
	causes [len(causes)]time.Duration
}

// causes are all, those that win a tie first.
var causes = [...]Cause{Unknown, ForConcurrency, ForMemory, ForProcessors}

// add lets a task wait.
func (q *queue) add(task int, need memtools.Bytes, at time.Time) {
	q.waiting = append(q.waiting, &waiter{task: task, need: need, since: at, seen: at})
}

// remove ends a task's wait, if it waits.
func (q *queue) remove(task int, at time.Time) (Wait, bool) {
	i := slices.IndexFunc(q.waiting, func(w *waiter) bool { return w.task == task })
	if i < 0 {
		return Wait{}, false
	}
	w := q.waiting[i]
	q.count(w, at)
	q.waiting = slices.Delete(q.waiting, i, i+1)
	wait, most := Wait{Interval: Interval{w.since, at}}, time.Duration(0)
	for i, over := range w.causes {
		if over > most {
			wait.For, most = causes[i], over
		}
	}
	return wait, true
}

// start, use and end change what is taken.
func (q *queue) start(task int, need memtools.Bytes, at time.Time) {
	q.end(task, at) // a damaged record may lack it
	if q.running == nil {
		q.running = map[int]held{}
	}
	q.running[task] = held{need: need}
	q.reserved += need
}

func (q *queue) use(task int, usage memtools.Bytes) {
	if h, ok := q.running[task]; ok {
		q.reserved += max(h.need, usage) - max(h.need, h.usage)
		q.running[task] = held{h.need, usage}
	}
}

func (q *queue) end(task int, at time.Time) {
	for _, w := range q.waiting {
		q.count(w, at)
	}
	h := q.running[task]
	q.reserved -= max(h.need, h.usage)
	delete(q.running, task)
}

// count adds the time since the last change to what a task waited for.
func (q *queue) count(w *waiter, at time.Time) {
	w.causes[slices.Index(causes[:], q.cause(w.need))] += at.Sub(w.seen)
	w.seen = at
}

func (q *queue) cause(need memtools.Bytes) Cause {
	switch {
	case len(q.running) == 0:
		return Unknown
	case q.concurrency > 0 && len(q.running) >= q.concurrency:
		return ForConcurrency
	case q.reserved+need > q.budget:
		return ForMemory
	case q.cpus > 0 && float64(len(q.running)) >= q.cpus:
		return ForProcessors
	}
	return Unknown
}
