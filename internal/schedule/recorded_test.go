package schedule

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// recordedTasks reads a build as a run's history has it. A line is a task: its peak
// in MB, its processor time in ms, and what it depends on.
func recordedTasks(t *testing.T, file string) (tasks []Work, largest memtools.Bytes) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		var megabytes, ms int
		if _, err := fmt.Sscan(f[1]+" "+f[2], &megabytes, &ms); err != nil {
			t.Fatal(err)
		}
		peak, length := memtools.Bytes(megabytes)*memtools.MB, time.Duration(ms)*time.Millisecond
		tasks = append(tasks, Work{Job: Job{ID: f[0], After: f[3:], Estimate: Estimate{Need: peak, Length: length, Cores: 1}}, Peak: peak, Takes: length, Rise: 0.8})
		largest = max(largest, peak)
	}
	return tasks, largest
}

// TestRecorded compares the scheduler with the best schedule of recorded runs whose
// needs are known, and runs them with needs that are unknown.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d recorded runs, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			sum, worlds := 0.0, 0
			for _, times := range []float64{1.3, 2, 4} {
				for _, cpus := range []float64{2, 4, 8, 16} {
					tasks, largest := recordedTasks(t, file)
					budget := memtools.Bytes(times * float64(largest))
					w := World{CPUs: cpus, Budget: budget, Limit: budget + 128*memtools.MB, Step: 50 * time.Millisecond}
					got := w.trusting(tasks)
					best := min(w.offline(rand.New(rand.NewPCG(1, 1)), tasks, 1000), got.Wall)
					ratio := float64(got.Wall) / float64(best)
					sum, worlds = sum+ratio, worlds+1
					where := fmt.Sprintf("%v × the largest, %v processors", times, cpus)
					if got.done != len(tasks) || got.needs > budget {
						t.Errorf("%s: %d of %d done, %v reserved of %v", where, got.done, len(tasks), got.needs, budget)
					}
					t.Logf("%s: %v, %.3f of the best found offline, %.3f of the lower bound",
						where, got.Wall, ratio, float64(got.Wall)/float64(w.lowerBound(tasks)))
					for i := range tasks { // as a first run does
						tasks[i].Need, tasks[i].Length, tasks[i].Cores = budget/5, 0, 0
					}
					if got := w.Run(tasks); got.done != len(tasks) || got.kills > 0 {
						t.Errorf("%s, cold: %d of %d done, %d failed, %d kernel kills", where, got.done, len(tasks), len(got.Failed), got.kills)
					}
				}
			}
			mean := sum / float64(worlds)
			if t.Logf("mean %.3f of the best found offline", mean); mean > 1.10 {
				t.Errorf("the mean is %.3f of the best found offline", mean)
			}
		})
	}
}
