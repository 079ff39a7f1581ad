package schedule

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// together simulates several runs that share one limit, the oldest first. ages are false
// if they do not know each other. It ends after a day.
func (w world) together(ages bool, runs ...[]simTask) []*simulation {
	var all []*simulation
	for _, tasks := range runs {
		all = append(all, w.begin(tasks))
	}
	for i, s := range all {
		s.o.Patience = func() time.Duration { return time.Duration(i+1) * 20 * time.Second }
		s.beside = slices.Concat(all[:i], all[i+1:])
		if ages {
			s.older = i
		}
	}
	for busy := true; busy && all[0].now.Before(time.Unix(0, 0).Add(24*time.Hour)); {
		busy = false
		for _, s := range all {
			s.correct()
			s.start()
			busy = busy || !s.idle()
		}
		for _, s := range all {
			s.advance(w.step)
		}
		w.killShared(all)
	}
	return all
}

// killShared kills the largest attempt of all runs if their sum passes the limit.
func (w world) killShared(all []*simulation) {
	var sum memtools.Bytes
	var worst *simAttempt
	var of *simulation
	for _, s := range all {
		s.peak = max(s.peak, s.usage())
		sum += s.usage()
		for _, a := range s.running {
			if worst == nil || cmp.Or(cmp.Compare(a.usage(), worst.usage()), cmp.Compare(a.ID, worst.ID)) > 0 {
				worst, of = a, s
			}
		}
	}
	if sum > w.limit {
		delete(of.running, worst.ID)
		of.kills++
		of.end(worst.job, Outcome{Result: Again, Alone: true})
	}
}

// TestSharedMemory: runs that share one limit all finish, with needs wrong by up to two
// times. None gives up on a task, and the kernel kills nothing.
func TestSharedMemory(t *testing.T) {
	graphs := 60
	if testing.Short() {
		graphs = 12
	}
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d runs", n), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(n), 17))
			w := world{cpus: 4, budget: 8 * memtools.GB, limit: 8*memtools.GB + 400*memtools.MB, step: 50 * time.Millisecond}
			var stops, kills int
			for g := range graphs {
				var runs [][]simTask
				for range n {
					tasks := randomTasks(r, 2+r.IntN(8), w.budget)
					for i := range tasks {
						tasks[i].Need = memtools.Bytes(float64(tasks[i].peak) * math.Pow(2, 2*r.Float64()-1))
						// A few processes cannot fill memory between two measurements.
						tasks[i].length = max(tasks[i].length, time.Duration(float64(tasks[i].peak)/float64(memtools.GB)*float64(time.Second)))
					}
					runs = append(runs, tasks)
				}
				for i, s := range w.together(true, runs...) {
					if s.done != len(runs[i]) {
						t.Errorf("graph %d, run %d: %d of %d done, %d failed at %v", g, i, s.done, len(runs[i]), s.failed, s.now.Sub(time.Unix(0, 0)))
					}
					stops += s.stops
					kills += s.kills
				}
			}
			t.Logf("%d graphs: %d stops, %d kernel kills", graphs, stops, kills)
			if kills > 0 {
				t.Errorf("%d kernel kills", kills)
			}
		})
	}
}

// TestTwoThatFillTheMemory: of two runs of one task each, which do not fit together, the
// older one is not touched. If they do not know each other both finish all the same.
func TestTwoThatFillTheMemory(t *testing.T) {
	one := func() []simTask {
		return []simTask{{Job: Job{ID: "grow", Estimate: Estimate{Need: 160 * mb}}, peak: 550 * mb, length: 4 * time.Second, rise: 0.8}}
	}
	w := world{cpus: 1, budget: 788 * mb, limit: 900 * mb, step: 50 * time.Millisecond}
	for _, ages := range []bool{true, false} {
		runs := w.together(ages, one(), one())
		old, young := runs[0], runs[1]
		if old.done != 1 || young.done != 1 || old.kills+young.kills > 0 {
			t.Errorf("ages known %v: %d and %d done, %d kernel kills", ages, old.done, young.done, old.kills+young.kills)
		}
		if ages && (old.stops != 0 || young.stops != 1) {
			t.Errorf("%d and %d stops", old.stops, young.stops)
		}
	}
}
