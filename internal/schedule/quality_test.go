package schedule

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// TestQuality compares the scheduler with the best schedule found offline.
func TestQuality(t *testing.T) {
	graphs, tries := 40, 1500
	if testing.Short() {
		graphs, tries = 8, 500
	}
	for _, cpus := range []float64{2, 4, 8, 16} {
		t.Run(fmt.Sprintf("%v processors", cpus), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(cpus), 7))
			w := World{CPUs: cpus, Budget: 8 * memtools.GB, Limit: 9 * memtools.GB, Step: 250 * time.Millisecond}
			var sum, worst, bound, single float64
			for g := range graphs {
				n := 5 + r.IntN(20)
				if g%4 == 0 {
					n = 4 + r.IntN(4)
				}
				tasks := randomTasks(r, n, w.Budget)
				got := w.trusting(tasks)
				if got.done != n || got.needs > w.Budget {
					t.Fatalf("graph %d: %d of %d done, %v reserved of %v", g, got.done, n, got.needs, w.Budget)
				}
				best := min(w.offline(r, tasks, tries), got.Wall)
				ratio := float64(got.Wall) / float64(best)
				sum += ratio
				worst = max(worst, ratio)
				bound += float64(got.Wall) / float64(w.lowerBound(tasks))
				var serial time.Duration
				for _, x := range tasks {
					serial += x.Takes
				}
				single += float64(serial) / float64(got.Wall)
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
