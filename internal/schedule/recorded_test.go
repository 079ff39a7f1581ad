package schedule

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// recorded are the builds of the benchmark's twelve packages with tsc 5.9 on Node
// 20, as a run's history has them: peak in MB, processor time in ms, and what each
// waits for.
const recorded = `
core 153 4149
database 303 7751 core
utils 81 1869
auth 154 4491 database utils
i18n 106 2638 utils
model 219 6044 core utils
ui 257 6360 i18n model
admin 355 7703 auth ui
client 197 5530 model
cli 78 1612 client
server 130 3298 auth database model
web 439 9714 auth client ui`

func recordedTasks(t *testing.T) (tasks []simTask, largest memtools.Bytes) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(recorded)) {
		f := strings.Fields(line)
		var megabytes, ms int
		if _, err := fmt.Sscan(f[1]+" "+f[2], &megabytes, &ms); err != nil {
			t.Fatal(err)
		}
		peak, length := memtools.Bytes(megabytes)*memtools.MB, time.Duration(ms)*time.Millisecond
		tasks = append(tasks, simTask{Job: Job{ID: f[0], After: f[3:], Estimate: Estimate{Need: peak, Length: length, Cores: 1}}, peak: peak, length: length, rise: 0.8})
		largest = max(largest, peak)
	}
	return tasks, largest
}

// TestRecorded holds the scheduler against the best schedule of a recorded run,
// and lets it run with needs that are right and that are unknown.
func TestRecorded(t *testing.T) {
	sum, worlds := 0.0, 0
	for _, times := range []float64{1.3, 2, 4} {
		for _, cpus := range []float64{2, 4, 8, 16} {
			t.Run(fmt.Sprintf("%v × the largest, %v processors", times, cpus), func(t *testing.T) {
				tasks, largest := recordedTasks(t)
				budget := memtools.Bytes(times * float64(largest))
				w := world{cpus: cpus, budget: budget, limit: budget + 128*memtools.MB, step: 50 * time.Millisecond}
				got := w.run(tasks, false)
				best := min(w.offline(rand.New(rand.NewPCG(1, 1)), tasks, 1000), got.wall)
				ratio := float64(got.wall) / float64(best)
				sum, worlds = sum+ratio, worlds+1
				if got.done != len(tasks) || got.needs > budget {
					t.Errorf("%d of %d done, %v reserved of %v", got.done, len(tasks), got.needs, budget)
				}
				t.Logf("%v: %.3f of the best found offline, %.3f of the lower bound", got.wall, ratio, float64(got.wall)/float64(w.lowerBound(tasks)))
				for i := range tasks { // as a first run does
					tasks[i].Need, tasks[i].Length, tasks[i].Cores = budget/5, 0, 0
				}
				if got := w.run(tasks, true); got.done != len(tasks) || got.kills > 0 {
					t.Errorf("cold: %d of %d done, %d failed, %d kernel kills", got.done, len(tasks), got.failed, got.kills)
				}
			})
		}
	}
	if mean := sum / float64(worlds); mean > 1.10 {
		t.Errorf("the mean is %.3f of the best found offline", mean)
	}
}
