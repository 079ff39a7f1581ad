package schedule

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// lowerBound is what no schedule can be faster than.
func (w world) lowerBound(tasks []simTask) time.Duration {
	var cpu time.Duration
	var area float64
	paths := map[string]time.Duration{}
	var critical time.Duration
	for _, t := range tasks {
		cpu += t.length
		area += float64(t.length) * float64(t.peak) / float64(w.budget)
		for _, a := range t.After {
			paths[t.ID] = max(paths[t.ID], paths[a])
		}
		paths[t.ID] += t.length
		critical = max(critical, paths[t.ID])
	}
	return max(critical, time.Duration(float64(cpu)/w.cpus), time.Duration(area))
}

// offline is the wall time of the best schedule found with all that is known:
// each order of starts gives one by the serial scheme, and all orders together
// give an optimal one (Kolisch 1996). Up to seven tasks all orders are tried,
// else tries random exchanges from several beginnings.
func (w world) offline(r *rand.Rand, tasks []simTask, tries int) time.Duration {
	n := len(tasks)
	index := map[string]int{}
	for i, t := range tasks {
		index[t.ID] = i
	}
	after := make([][]int, n)
	for i, t := range tasks {
		for _, a := range t.After {
			after[i] = append(after[i], index[a])
		}
	}
	type span struct {
		from, to time.Duration
		peak     memtools.Bytes
	}
	placed := make([]span, 0, n)
	ends := make([]time.Duration, n)
	serial := func(order []int) time.Duration {
		placed = placed[:0]
		clear(ends)
		var wall time.Duration
		for _, i := range order {
			var least time.Duration
			for _, a := range after[i] {
				least = max(least, ends[a])
			}
			free := func(at time.Duration) bool {
				// the load changes only where another begins
				check := func(x time.Duration) bool {
					count, held := 1, tasks[i].peak
					for _, p := range placed {
						if p.from <= x && x < p.to {
							count++
							held += p.peak
						}
					}
					return float64(count) <= w.cpus && held <= w.budget
				}
				if !check(at) {
					return false
				}
				for _, p := range placed {
					if p.from > at && p.from < at+tasks[i].length && !check(p.from) {
						return false
					}
				}
				return true
			}
			best := time.Duration(math.MaxInt64)
			if free(least) {
				best = least
			}
			for _, p := range placed {
				if p.to > least && p.to < best && free(p.to) {
					best = p.to
				}
			}
			placed = append(placed, span{best, best + tasks[i].length, tasks[i].peak})
			ends[i] = best + tasks[i].length
			wall = max(wall, ends[i])
		}
		return wall
	}
	feasible := func(order []int) bool {
		seen := map[int]bool{}
		for _, i := range order {
			for _, a := range after[i] {
				if !seen[a] {
					return false
				}
			}
			seen[i] = true
		}
		return true
	}
	best := time.Duration(math.MaxInt64)
	if n <= 7 {
		order := make([]int, 0, n)
		used := make([]bool, n)
		var permute func()
		permute = func() {
			if len(order) == n {
				best = min(best, serial(order))
				return
			}
		next:
			for i := range n {
				if used[i] {
					continue
				}
				for _, a := range after[i] {
					if !used[a] {
						continue next
					}
				}
				used[i] = true
				order = append(order, i)
				permute()
				order = order[:len(order)-1]
				used[i] = false
			}
		}
		permute()
		return best
	}
	for range 4 {
		order := make([]int, 0, n) // a random topological order
		waiting := r.Perm(n)
		done := map[int]bool{}
		for len(waiting) > 0 {
			for k, i := range waiting {
				if !slices.ContainsFunc(after[i], func(a int) bool { return !done[a] }) {
					done[i] = true
					order = append(order, i)
					waiting = slices.Delete(waiting, k, k+1)
					break
				}
			}
		}
		now := serial(order)
		for range tries {
			a, b := r.IntN(n), r.IntN(n)
			moved := slices.Clone(order)
			i := moved[a]
			moved = slices.Delete(moved, a, a+1)
			moved = slices.Insert(moved, b, i)
			if !feasible(moved) {
				continue
			}
			if wall := serial(moved); wall <= now {
				now, order = wall, moved
			}
		}
		best = min(best, now)
	}
	return best
}
