package schedule

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// lowerBound is what no schedule can be faster than.
func (w World) lowerBound(tasks []Work) time.Duration {
	var cpu time.Duration
	var area float64
	paths := map[string]time.Duration{}
	var critical time.Duration
	for _, t := range tasks {
		cpu += t.Takes
		area += float64(t.Takes) * float64(t.Peak) / float64(w.Budget)
		for _, a := range t.After {
			paths[t.ID] = max(paths[t.ID], paths[a])
		}
		paths[t.ID] += t.Takes
		critical = max(critical, paths[t.ID])
	}
	return max(critical, time.Duration(float64(cpu)/w.CPUs), time.Duration(area))
}

// offline is the wall time of the best schedule found with all that is known. Each
// order of starts gives a schedule by the serial scheme, and one of them is optimal
// (Kolisch 1996). Up to seven tasks all orders are tried. With more, tries random
// moves improve each of four random orders.
func (w World) offline(r *rand.Rand, tasks []Work, tries int) time.Duration {
	s := newSerial(w, tasks)
	best := time.Duration(math.MaxInt64)
	if len(tasks) <= 7 {
		s.permute(make([]int, 0, len(tasks)), func(order []int) { best = min(best, s.wall(order)) })
		return best
	}
	for range 4 {
		best = min(best, s.improve(r, s.random(r), tries))
	}
	return best
}

// serial is the serial scheme: each task of an order starts as early as it can
// without moving those before it.
type serial struct {
	World
	tasks []Work
	after [][]int // by task, those that it depends on

	placed []placed
	ends   []time.Duration // by task
}

// placed is a task that has its place in time.
type placed struct {
	from, to time.Duration
	peak     memtools.Bytes
}

func newSerial(w World, tasks []Work) *serial {
	s := &serial{World: w, tasks: tasks, after: make([][]int, len(tasks)), ends: make([]time.Duration, len(tasks))}
	index := map[string]int{}
	for i, t := range tasks {
		index[t.ID] = i
	}
	for i, t := range tasks {
		for _, a := range t.After {
			s.after[i] = append(s.after[i], index[a])
		}
	}
	return s
}

// wall is how long the tasks take in this order.
func (s *serial) wall(order []int) (wall time.Duration) {
	s.placed = s.placed[:0]
	clear(s.ends)
	for _, i := range order {
		from := s.earliest(i)
		to := from + s.tasks[i].Takes
		s.placed = append(s.placed, placed{from, to, s.tasks[i].Peak})
		s.ends[i] = to
		wall = max(wall, to)
	}
	return wall
}

func (s *serial) earliest(i int) time.Duration {
	var least time.Duration
	for _, a := range s.after[i] {
		least = max(least, s.ends[a])
	}
	if s.fits(i, least) {
		return least
	}
	best := time.Duration(math.MaxInt64)
	for _, p := range s.placed {
		if p.to > least && p.to < best && s.fits(i, p.to) {
			best = p.to
		}
	}
	return best
}

// fits reports whether the task can run from at on. The load rises only when another
// starts.
func (s *serial) fits(i int, at time.Duration) bool {
	if !s.free(i, at) {
		return false
	}
	for _, p := range s.placed {
		if p.from > at && p.from < at+s.tasks[i].Takes && !s.free(i, p.from) {
			return false
		}
	}
	return true
}

// free reports whether there is room for the task at one moment.
func (s *serial) free(i int, at time.Duration) bool {
	count, held := 1, s.tasks[i].Peak
	for _, p := range s.placed {
		if p.from <= at && at < p.to {
			count++
			held += p.peak
		}
	}
	return float64(count) <= s.CPUs && held <= s.Budget
}

// permute visits every order that begins with this one.
func (s *serial) permute(order []int, visit func([]int)) {
	if len(order) == len(s.tasks) {
		visit(order)
		return
	}
	for i := range s.tasks {
		if !slices.Contains(order, i) && s.satisfied(i, order) {
			s.permute(append(order, i), visit)
		}
	}
}

// satisfied reports whether all that the task depends on is among before.
func (s *serial) satisfied(i int, before []int) bool {
	return !slices.ContainsFunc(s.after[i], func(a int) bool { return !slices.Contains(before, a) })
}

// random is a random order.
func (s *serial) random(r *rand.Rand) (order []int) {
	waiting := r.Perm(len(s.tasks))
	for len(waiting) > 0 {
		k := slices.IndexFunc(waiting, func(i int) bool { return s.satisfied(i, order) })
		order = append(order, waiting[k])
		waiting = slices.Delete(waiting, k, k+1)
	}
	return order
}

// improve moves random tasks of an order, and returns the best wall time.
func (s *serial) improve(r *rand.Rand, order []int, tries int) time.Duration {
	now := s.wall(order)
	for range tries {
		a, b := r.IntN(len(order)), r.IntN(len(order))
		moved := slices.Delete(slices.Clone(order), a, a+1)
		moved = slices.Insert(moved, b, order[a])
		if !s.feasible(moved) {
			continue
		}
		if wall := s.wall(moved); wall <= now {
			now, order = wall, moved
		}
	}
	return now
}

func (s *serial) feasible(order []int) bool {
	for n, i := range order {
		if !s.satisfied(i, order[:n]) {
			return false
		}
	}
	return true
}
