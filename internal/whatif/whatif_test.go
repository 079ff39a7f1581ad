package whatif

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

const (
	mb = memtools.MB
	gb = memtools.GB
)

// run is a recorded run. walls are how long it took, and others of the same tasks, by budget.
type run struct {
	tasks []ran
	machine
	walls map[memtools.Bytes]time.Duration
}

func readRun(t *testing.T, file string) run {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := run{machine: machine{CPUs: 2, Own: 4 * mb}, walls: map[memtools.Bytes]time.Duration{}}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		n := make([]int, len(f))
		for i := range f {
			_, _ = fmt.Sscan(f[i], &n[i]) // a name is no number
		}
		ms := func(i int) time.Duration { return time.Duration(n[i]) * time.Millisecond }
		size := func(i int) memtools.Bytes { return memtools.Bytes(n[i]) * mb }
		switch f[0] {
		case "#":
		case "run":
			r.Budget = size(1)
			fallthrough
		case "also":
			r.walls[size(1)] = ms(2)
		default:
			r.tasks = append(r.tasks, ran{ID: f[0], Need: size(1), Peak: size(2), Start: ms(3), Duration: ms(4), CPU: ms(5), After: f[6:]})
		}
	}
	return r
}

// TestRecordedRuns: simulated runs take about as long as real ones did, on the machine where
// they were recorded and with other memory.
func TestRecordedRuns(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d recorded runs, %v", len(files), err)
	}
	for _, file := range files {
		r := readRun(t, file)
		works := worksOf(bounded(r.tasks, r.CPUs), r.CPUs)
		for budget, took := range r.walls {
			m := r.machine
			m.Budget = budget
			got := m.answer("", works).Wall
			off := 100 * (got.Seconds()/took.Seconds() - 1)
			if t.Logf("%s in %s: took %v, simulated %v, %+.1f%%", filepath.Base(file), budget.Short(), took, got, off); math.Abs(off) > 10 {
				t.Errorf("%s in %s is off by %.1f%%", filepath.Base(file), budget.Short(), off)
			}
		}
	}
}

// even are n tasks alike, which ran cpus at a time and kept a processor busy each.
func even(n int, need memtools.Bytes, cpus int) (tasks []ran) {
	for i := range n {
		tasks = append(tasks, ran{ID: fmt.Sprint(i), Need: need + need/10, Peak: need, Start: time.Duration(i/cpus) * 10 * time.Second, Duration: 10 * time.Second, CPU: 10 * time.Second})
	}
	return tasks
}

// wall is the answer to a change, in seconds: NaN if there is none, or tasks do not fit.
func wall(answers []Answer, change string) float64 {
	i := slices.IndexFunc(answers, func(a Answer) bool { return a.Change == change })
	if i < 0 || len(answers[i].Fails) > 0 {
		return math.NaN()
	}
	return answers[i].Wall.Seconds()
}

func TestAsk(t *testing.T) {
	is := func(t *testing.T, answers []Answer, want map[string]float64) {
		t.Helper()
		for change, seconds := range want {
			if got := wall(answers, change); math.IsNaN(got) != math.IsNaN(seconds) || math.Abs(got-seconds) > 0.02*seconds {
				t.Errorf("%q takes %.2f s, not %.2f", change, got, seconds)
			}
		}
	}
	t.Run("processors", func(t *testing.T) {
		is(t, ask(even(16, 100*mb, 2), machine{CPUs: 2, Budget: 8 * gb}), map[string]float64{
			"": 80, "4 processors": 40, "16 processors": 10, "half the memory, 4GB": 80, "twice the memory, 16GB": 80,
		})
	})
	t.Run("that were shared", func(t *testing.T) { // four at a time, on two
		tasks := even(4, 100*mb, 4)
		for i := range tasks {
			tasks[i].Duration = 20 * time.Second
		}
		is(t, ask(tasks, machine{CPUs: 2, Budget: 8 * gb}), map[string]float64{"": 20, "4 processors": 10, "8 processors": 10})
	})
	t.Run("that were not wanted", func(t *testing.T) {
		tasks := even(8, 100*mb, 8)
		for i := range tasks {
			tasks[i].CPU = 100 * time.Millisecond
		}
		is(t, ask(tasks, machine{CPUs: 2, Budget: 8 * gb}), map[string]float64{"": 10, "4 processors": 10})
	})
	t.Run("memory", func(t *testing.T) {
		is(t, ask(even(16, 1000*mb, 2), machine{CPUs: 16, Budget: 2300 * mb}), map[string]float64{
			"": 80, "twice the memory, 4.49GB": 40, "half the memory, 1.12GB": 160, "8 processors": 80,
		})
	})
	t.Run("too little memory", func(t *testing.T) {
		answers := ask(even(2, gb, 2), machine{CPUs: 2, Budget: 3 * gb / 2})
		is(t, answers, map[string]float64{"half the memory, 768MB": math.NaN()})
		if !slices.ContainsFunc(answers, func(a Answer) bool { return slices.Equal(a.Fails, []string{"0", "1"}) && a.Wall == 0 }) {
			t.Errorf("%+v", answers)
		}
	})
	t.Run("one at a time", func(t *testing.T) {
		is(t, ask(even(4, 100*mb, 1), machine{CPUs: 4, Budget: 8 * gb, Concurrency: 1}), map[string]float64{"": 40, "8 processors": 40, "as many at once as fit": 10})
	})
	t.Run("the order", func(t *testing.T) {
		tasks := even(3, 100*mb, 1)
		tasks[1].After, tasks[2].After = []string{"0", "known already"}, []string{"1"}
		is(t, ask(tasks, machine{CPUs: 4, Budget: 8 * gb}), map[string]float64{"": 30, "16 processors": 30, "0 in half the time": 25})
	})
	t.Run("needs that were guessed", func(t *testing.T) {
		tasks := even(8, 100*mb, 2)
		for i := range tasks {
			tasks[i].Need, tasks[i].Guessed = gb, true
		}
		is(t, ask(tasks, machine{CPUs: 8, Budget: 2100 * mb}), map[string]float64{"": 40, "again, now that the needs are known": 10})
	})
	t.Run("nothing", func(t *testing.T) {
		if ask(nil, machine{CPUs: 1, Budget: gb}) != nil || ask(even(1, gb, 1), machine{CPUs: 1}) != nil {
			t.Error("there is an answer")
		}
	})
}

// TestDamage: whatever a record says, the simulation ends.
func TestDamage(t *testing.T) {
	odd := []ran{
		{ID: "a", Need: -1, Peak: math.MaxInt64, Start: math.MinInt64, Duration: math.MaxInt64, CPU: math.MaxInt64},
		{ID: "a", After: []string{"a", "b"}, Duration: -1, CPU: -1, Start: math.MaxInt64},
		{ID: "b", After: []string{"b"}, Need: math.MaxInt64, Duration: 1},
	}
	for _, m := range []machine{
		{CPUs: math.NaN(), Budget: 1},
		{CPUs: math.Inf(1), Budget: math.MaxInt64, Own: math.MaxInt64, Concurrency: math.MaxInt},
		{CPUs: -1, Budget: gb, Own: -1, Concurrency: -1},
	} {
		for _, a := range ask(odd, m) {
			if a.Wall < 0 {
				t.Errorf("%+v", a)
			}
		}
	}
}

func BenchmarkAsk(b *testing.B) {
	tasks := even(5000, 200*mb, 4)
	for i := range tasks {
		tasks[i].Start, tasks[i].Duration, tasks[i].CPU = time.Duration(i/4)*2*time.Second, time.Duration(1000+i%2000)*time.Millisecond, time.Second
		if i > 100 {
			tasks[i].After = []string{fmt.Sprint(i / 10), fmt.Sprint(i / 3)}
		}
	}
	for b.Loop() {
		ask(tasks, machine{CPUs: 4, Budget: 8 * gb})
	}
}

// TestShortTasks: many short tasks that ran at once have no more processor time than they took, or
// simulating them takes hours of simulated time.
func TestShortTasks(t *testing.T) {
	tasks := make([]ran, 2000)
	for i := range tasks {
		tasks[i] = ran{ID: fmt.Sprint(i), Need: mb, Duration: time.Millisecond, CPU: time.Millisecond}
	}
	for i, s := range alone(tasks, 2) {
		if cpu := s.takes.Seconds() * s.busy; cpu > 1.01*tasks[i].CPU.Seconds() {
			t.Fatalf("task %d has %v of processor time: %+v", i, cpu, s)
		}
	}
	if answers := ask(make([]ran, mostTasks+1), machine{CPUs: 2, Budget: 1000 * mb}); answers != nil {
		t.Errorf("too many tasks were simulated: %v", answers)
	}
}
