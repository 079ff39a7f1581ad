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

// fixed simulates a fixed concurrency, as other task runners have it. It does not
// look at memory, and a run in which the kernel kills something has failed.
func (w World) fixed(tasks []Work, concurrency int) (wall time.Duration, ok bool) {
	order := map[string]*Work{}
	missing := map[string]int{}
	var ready []string
	for i := range tasks {
		order[tasks[i].ID] = &tasks[i]
		if missing[tasks[i].ID] = len(tasks[i].After); missing[tasks[i].ID] == 0 {
			ready = append(ready, tasks[i].ID)
		}
	}
	running := map[string]*simulated{}
	for len(ready)+len(running) > 0 {
		for len(ready) > 0 && len(running) < concurrency {
			running[ready[0]] = &simulated{Work: order[ready[0]]}
			ready = ready[1:]
		}
		wall += w.Step
		rate := min(1, w.CPUs/float64(len(running)))
		var usage memtools.Bytes
		for _, id := range slices.Sorted(maps.Keys(running)) {
			a := running[id]
			a.progress += time.Duration(float64(w.Step) * rate)
			usage += a.usage()
			if a.progress >= a.Takes {
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
		if usage > w.Limit {
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
			w := World{CPUs: cpus, Budget: 8 * memtools.GB, Limit: 8*memtools.GB + 400*memtools.MB, Step: 50 * time.Millisecond}
			type tally struct {
				killed int
				ratio  float64
			}
			fixed := map[int]*tally{1: {}, 2: {}, 4: {}, 10: {}}
			for g := range graphs {
				tasks := randomTasks(r, 5+r.IntN(25), w.Budget)
				for i := range tasks {
					tasks[i].Need = memtools.Bytes(float64(tasks[i].Peak) * (1 + r.Float64()/10))
				}
				ours := w.Run(tasks)
				if ours.done != len(tasks) || ours.kills > 0 {
					t.Errorf("graph %d: %d of %d done, %d kernel kills", g, ours.done, len(tasks), ours.kills)
				}
				for n, f := range fixed {
					if wall, ok := w.fixed(tasks, n); ok {
						f.ratio += math.Log(float64(ours.Wall) / float64(wall))
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
