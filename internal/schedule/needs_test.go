package schedule

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// randomTasks makes a layered workspace with sizes as packages have them: many
// small, few large.
func randomTasks(r *rand.Rand, n int, budget memtools.Bytes) []Work {
	var tasks []Work
	density := r.Float64() * 2.5 / float64(n)
	for i := range n {
		size := math.Exp(r.NormFloat64()*0.8) / 4 // log-normal
		peak := memtools.Bytes(min(0.95, (0.1+size*0.5)*(0.7+0.6*r.Float64())) * float64(budget))
		length := time.Duration((0.5 + 10*size*(0.5+r.Float64())) * float64(time.Second))
		t := Work{Peak: peak, Takes: length, Rise: 0.3 + 0.6*r.Float64()}
		t.ID, t.Need, t.Length, t.Cores = fmt.Sprint(i), peak, length, 1
		for k := range i {
			if r.Float64() < density {
				t.After = append(t.After, fmt.Sprint(k))
			}
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// TestWrongNeeds: with needs wrong by up to three times in either direction every
// graph finishes, and the kernel kills nothing.
func TestWrongNeeds(t *testing.T) {
	graphs := 300
	if testing.Short() {
		graphs = 40
	}
	for _, cpus := range []float64{2, 4, 8, 16} {
		t.Run(fmt.Sprintf("%v processors", cpus), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(cpus), 11))
			w := World{CPUs: cpus, Budget: 8 * memtools.GB, Limit: 8*memtools.GB + 400*memtools.MB, Step: 50 * time.Millisecond}
			var stops, kills int
			for g := range graphs {
				tasks := randomTasks(r, 5+r.IntN(25), w.Budget)
				for i := range tasks {
					tasks[i].Need = memtools.Bytes(float64(tasks[i].Peak) * math.Pow(3, 2*r.Float64()-1))
				}
				got := w.Run(tasks)
				if got.done != len(tasks) {
					t.Errorf("graph %d: %d of %d done, %d failed", g, got.done, len(tasks), len(got.Failed))
				}
				stops += got.stops
				kills += got.kills
			}
			t.Logf("%d graphs: %d stops, %d kernel kills", graphs, stops, kills)
			if kills > 0 {
				t.Errorf("%d kernel kills", kills)
			}
		})
	}
}
