package whatif

import (
	"cmp"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/cpushare"
	"github.com/heapmage/heapmage/memtools"
)

// span is how a task runs if no other wants its processors.
type span struct {
	takes time.Duration
	busy  float64 // processors
}

const (
	// leastBusy keeps a task that only waits from being none.
	leastBusy = 0.01
	// rounds is how often the spans are made from each other. They settle in about three.
	rounds = 5
	// Times outside of these come from a damaged record.
	shortest, longest = time.Millisecond, 24 * time.Hour
	largest           = memtools.TB
)

// bounded returns the tasks with times and sizes that can be reckoned with.
func bounded(tasks []ran, cpus float64) []ran {
	tasks = slices.Clone(tasks)
	for i := range tasks {
		t := &tasks[i]
		t.Start, t.Duration = min(max(t.Start, 0), 30*longest), min(max(t.Duration, shortest), longest)
		t.CPU = min(max(t.CPU, 0), time.Duration(float64(t.Duration)*cpus))
		t.Need, t.Peak = min(max(t.Need, 1), largest), min(max(t.Peak, 0), largest)
	}
	return tasks
}

// alone returns for each task how it would have run alone. Those that ran at the same time
// shared the processors: a task whose processor time fills its share of them had to wait for
// them, another one for something else.
func alone(tasks []ran, cpus float64) []span {
	spans := make([]span, len(tasks))
	for i, t := range tasks {
		spans[i] = span{t.Duration, max(1, t.CPU.Seconds()/t.Duration.Seconds())}
	}
	for range rounds {
		for i, part := range parts(tasks, spans, cpus) {
			d, cpu := tasks[i].Duration.Seconds(), tasks[i].CPU.Seconds()
			takes := d * part
			if cpu < takes {
				takes = d - cpu/part + cpu
			}
			takes = max(shortest.Seconds(), takes)
			spans[i] = span{time.Duration(takes * float64(time.Second)), max(leastBusy, cpu/takes)}
		}
	}
	return spans
}

// parts returns the part of a processor, above 0 and at most 1, that a thread of each task got
// on average while the task ran.
func parts(tasks []ran, spans []span, cpus float64) []float64 {
	type edge struct {
		at   time.Duration
		task int
		ends bool
	}
	var edges []edge
	for i, t := range tasks {
		edges = append(edges, edge{at: t.Start, task: i}, edge{t.Start + t.Duration, i, true})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.task, b.task)) })
	all := make([]float64, len(tasks))
	var running []int
	var busy []float64
	for n, e := range edges {
		if n > 0 && len(running) > 0 {
			busy = busy[:0]
			for _, i := range running {
				busy = append(busy, spans[i].busy)
			}
			over := (e.at - edges[n-1].at).Seconds() * cpushare.Part(cpus, busy)
			for _, i := range running {
				all[i] += over
			}
		}
		if e.ends {
			running = slices.DeleteFunc(running, func(i int) bool { return i == e.task })
		} else {
			running = append(running, e.task)
		}
	}
	for i, t := range tasks {
		all[i] /= t.Duration.Seconds()
	}
	return all
}
