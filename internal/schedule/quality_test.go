package schedule

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
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

// TestQuality holds the scheduler against the best schedule found offline.
func TestQuality(t *testing.T) {
	graphs, tries := 40, 1500
	if testing.Short() {
		graphs, tries = 8, 500
	}
	for _, cpus := range []float64{2, 4, 8, 16} {
		t.Run(fmt.Sprintf("%v processors", cpus), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(cpus), 7))
			w := world{cpus: cpus, budget: 8 * memtools.GB, limit: 9 * memtools.GB, step: 250 * time.Millisecond}
			var sum, worst, bound, single float64
			for g := range graphs {
				n := 5 + r.IntN(20)
				if g%4 == 0 {
					n = 4 + r.IntN(4)
				}
				tasks := randomTasks(r, n, w.budget)
				got := w.run(tasks, false)
				if got.done != n || got.needs > w.budget {
					t.Fatalf("graph %d: %d of %d done, %v reserved of %v", g, got.done, n, got.needs, w.budget)
				}
				best := min(w.offline(r, tasks, tries), got.wall)
				ratio := float64(got.wall) / float64(best)
				sum += ratio
				worst = max(worst, ratio)
				bound += float64(got.wall) / float64(w.lowerBound(tasks))
				var serial time.Duration
				for _, x := range tasks {
					serial += x.length
				}
				single += float64(serial) / float64(got.wall)
			}
			n := float64(graphs)
			t.Logf("%d graphs: mean %.3f, worst %.3f of the best found offline; %.3f of the lower bound; %.2f times as fast as one at a time",
				graphs, sum/n, worst, bound/n, single/n)
			if sum/n > 1.10 {
				t.Errorf("the mean is %.3f", sum/n)
			}
		})
	}
}

// fixed simulates a fixed concurrency, as other task runners have it: no memory
// is looked at, and a run in which the kernel kills something has failed.
func (w world) fixed(tasks []simTask, concurrency int) (wall time.Duration, ok bool) {
	order := map[string]*simTask{}
	missing := map[string]int{}
	var ready []string
	for i := range tasks {
		order[tasks[i].ID] = &tasks[i]
		if missing[tasks[i].ID] = len(tasks[i].After); missing[tasks[i].ID] == 0 {
			ready = append(ready, tasks[i].ID)
		}
	}
	running := map[string]*attempt{}
	for len(ready)+len(running) > 0 {
		for len(ready) > 0 && len(running) < concurrency {
			running[ready[0]] = &attempt{simTask: order[ready[0]]}
			ready = ready[1:]
		}
		wall += w.step
		rate := min(1, w.cpus/float64(len(running)))
		var usage memtools.Bytes
		for _, id := range slices.Sorted(maps.Keys(running)) {
			a := running[id]
			a.progress += time.Duration(float64(w.step) * rate)
			usage += a.usage()
			if a.progress >= a.length {
				delete(running, id)
				for _, t := range tasks {
					if slices.Contains(t.After, id) {
						if missing[t.ID]--; missing[t.ID] == 0 {
							ready = append(ready, t.ID)
						}
					}
				}
			}
		}
		if usage > w.limit {
			return wall, false
		}
	}
	return wall, true
}

// TestAgainstFixedConcurrency runs the same graphs, with needs known to within a
// tenth, under the scheduler and under fixed concurrencies.
func TestAgainstFixedConcurrency(t *testing.T) {
	graphs := 200
	if testing.Short() {
		graphs = 30
	}
	for _, cpus := range []float64{2, 4, 8, 16} {
		t.Run(fmt.Sprintf("%v processors", cpus), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(cpus), 13))
			w := world{cpus: cpus, budget: 8 * memtools.GB, limit: 8*memtools.GB + 400*memtools.MB, step: 50 * time.Millisecond}
			type tally struct {
				killed int
				ratio  float64
			}
			fixed := map[int]*tally{1: {}, 2: {}, 4: {}, 10: {}}
			for g := range graphs {
				tasks := randomTasks(r, 5+r.IntN(25), w.budget)
				for i := range tasks {
					tasks[i].Need = memtools.Bytes(float64(tasks[i].peak) * (1 + r.Float64()/10))
				}
				ours := w.run(tasks, true)
				if ours.done != len(tasks) || ours.kills > 0 {
					t.Errorf("graph %d: %d of %d done, %d kernel kills", g, ours.done, len(tasks), ours.kills)
				}
				for n, f := range fixed {
					if wall, ok := w.fixed(tasks, n); ok {
						f.ratio += math.Log(float64(ours.wall) / float64(wall))
					} else {
						f.killed++
					}
				}
			}
			for _, n := range []int{1, 2, 4, 10} {
				f := fixed[n]
				t.Logf("%v processors: concurrency %2d: %3d of %d runs killed; on the others heapmage takes %.2f times as long",
					cpus, n, f.killed, graphs, math.Exp(f.ratio/float64(max(graphs-f.killed, 1))))
			}
			if f := fixed[1]; math.Exp(f.ratio/float64(graphs)) > 1 {
				t.Error("one at a time is faster")
			}
		})
	}
}
