package schedule

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// sharer is a run that shares the limit with others.
type sharer struct {
	*simulation
	least memtools.Bytes // usage since grown
	grown time.Time      // when its usage last rose
}

// atWork reports whether the run has grown within the last ten seconds.
func (s *sharer) atWork() bool {
	s.least = min(s.least, s.usage())
	if s.usage() > s.least+16*memtools.MB {
		s.least, s.grown = s.usage(), s.now
	}
	return s.now.Sub(s.grown) < 10*time.Second
}

// together simulates several runs that share one limit, the oldest first. ages are false
// if they do not know each other. It ends after a day.
func (w World) together(ages bool, runs ...[]Work) []*sharer {
	var all []*sharer
	for _, works := range runs {
		all = append(all, &sharer{simulation: w.begin(works)})
	}
	for i, s := range all {
		s.o.Patience = func() time.Duration { return time.Duration(i+1) * 20 * time.Second }
		s.others = func(m *Memory) {
			for k, other := range all {
				if k != i {
					m.Available -= other.usage()
					m.Elder = m.Elder || ages && k < i && other.atWork()
				}
			}
			m.Available = max(m.Available, 0)
			m.Most, m.Budget = s.Budget, max(1, min(s.Budget, m.Usage+m.Available-(s.Limit-s.Budget)))
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
			s.share()
			s.advance(w.Step)
		}
		w.killShared(all)
	}
	return all
}

// killShared kills the largest attempt of all runs if their sum passes the limit.
func (w World) killShared(all []*sharer) {
	var sum memtools.Bytes
	var worst *job
	var in *sharer
	for _, s := range all {
		s.Peak = max(s.Peak, s.usage())
		sum += s.usage()
		for _, j := range s.running {
			if worst == nil || cmp.Or(cmp.Compare(of(j).usage(), of(worst).usage()), cmp.Compare(j.ID, worst.ID)) > 0 {
				worst, in = j, s
			}
		}
	}
	if sum > w.Limit {
		in.kills++
		in.end(worst, Outcome{Result: Again, Alone: true})
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
			w := World{CPUs: 4, Budget: 8 * memtools.GB, Limit: 8*memtools.GB + 400*memtools.MB, Step: 50 * time.Millisecond}
			var stops, kills int
			for g := range graphs {
				var runs [][]Work
				for range n {
					tasks := randomTasks(r, 2+r.IntN(8), w.Budget)
					for i := range tasks {
						tasks[i].Need = memtools.Bytes(float64(tasks[i].Peak) * math.Pow(2, 2*r.Float64()-1))
						// A few processes cannot fill memory between two measurements.
						tasks[i].Takes = max(tasks[i].Takes, time.Duration(float64(tasks[i].Peak)/float64(memtools.GB)*float64(time.Second)))
					}
					runs = append(runs, tasks)
				}
				for i, s := range w.together(true, runs...) {
					if s.done != len(runs[i]) {
						t.Errorf("graph %d, run %d: %d of %d done, %d failed at %v", g, i, s.done, len(runs[i]), len(s.Failed), s.now.Sub(time.Unix(0, 0)))
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
	one := func() []Work {
		return []Work{{Job: Job{ID: "grow", Estimate: Estimate{Need: 160 * mb}}, Peak: 550 * mb, Takes: 4 * time.Second, Rise: 0.8}}
	}
	w := World{CPUs: 1, Budget: 788 * mb, Limit: 900 * mb, Step: 50 * time.Millisecond}
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
