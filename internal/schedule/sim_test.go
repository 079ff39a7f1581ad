package schedule

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// simTask is what a task really takes, which its job's estimate may not say.
type simTask struct {
	Job
	peak   memtools.Bytes
	length time.Duration // at one processor of its own
	// rise is the part of its length after which it holds its peak.
	rise float64
}

// world runs tasks in simulated time: usage rises in a line to the peak, the
// processors are shared evenly, and what passes the limit is killed.
type world struct {
	cpus          float64
	budget, limit memtools.Bytes
	// step is the time between two measurements.
	step time.Duration
}

// simRun is how a simulated run ended.
type simRun struct {
	wall time.Duration
	// peak is the largest sum of what ran at once; needs the same of the needs.
	peak, needs         memtools.Bytes
	done, failed, kills int
	stops               int
}

type attempt struct {
	*simTask
	progress time.Duration
	frozen   bool
	stopped  bool
	final    bool
}

func (a *attempt) usage() memtools.Bytes {
	part := 1.0
	if at := float64(a.length) * a.rise; float64(a.progress) < at {
		part = float64(a.progress) / at
	}
	return memtools.Bytes(part * float64(a.peak))
}

// hand lets the ledger act on the simulated attempts.
type hand map[string]*attempt

func (h hand) Begin(string)              {}
func (h hand) Freeze(id string)          { h[id].frozen = true }
func (h hand) Thaw(id string)            { h[id].frozen = false }
func (h hand) Stop(id string, last bool) { h[id].stopped, h[id].final = true, last }
func (h hand) Collect()                  {}

// run simulates the tasks under the scheduler. Where steps is false, needs are
// taken as right and time goes from one end of a task to the next.
func (w world) run(tasks []simTask, steps bool) simRun {
	byID := map[string]*simTask{}
	var jobs []Job
	for i := range tasks {
		byID[tasks[i].ID] = &tasks[i]
		jobs = append(jobs, tasks[i].Job)
	}
	running := hand{}
	var r simRun
	now := time.Unix(0, 0)
	o := Options{CPUs: w.cpus, Skipped: func(string, string) {}}
	if steps {
		o.Hands = running
	}
	l := newLedger(jobs, o)
	measure := func() Memory {
		m := Memory{Time: now, Budget: w.budget, Tasks: map[string]memtools.Bytes{}}
		for id, a := range running {
			m.Tasks[id] = a.usage()
			m.Usage += a.usage()
		}
		m.Available = w.limit - m.Usage
		return m
	}
	for {
		m := measure()
		if steps {
			act(l.correct(m), running)
			for id, a := range running {
				if a.stopped {
					delete(running, id)
					o := Outcome{Result: Again}
					r.stops++
					if a.final {
						o.Result = Failed
						r.failed++
					}
					l.end(id, o)
				}
			}
			m = measure()
		}
		for _, g := range l.admit(m) {
			running[g.ID] = &attempt{simTask: byID[g.ID]}
		}
		if len(running) == 0 {
			break
		}
		var needs, peaks memtools.Bytes
		moving := 0
		for _, a := range running {
			needs += a.Need
			peaks += a.peak
			if !a.frozen {
				moving++
			}
		}
		r.needs = max(r.needs, needs)
		rate := min(1, w.cpus/float64(max(moving, 1)))
		d := w.step
		if !steps {
			d = math.MaxInt64
		}
		for _, a := range running {
			if !a.frozen {
				d = min(d, time.Duration(math.Ceil(float64(a.length-a.progress)/rate)))
			}
		}
		d = max(d, 1)
		now = now.Add(d)
		for _, id := range slices.Sorted(maps.Keys(running)) {
			a := running[id]
			if !a.frozen {
				a.progress += time.Duration(math.Ceil(float64(d) * rate))
			}
			if a.progress >= a.length {
				delete(running, id)
				r.done++
				l.end(id, Outcome{})
			}
		}
		if steps {
			m := measure()
			r.peak = max(r.peak, m.Usage)
			if m.Usage > w.limit { // the kernel kills the largest
				worst := slices.MaxFunc(slices.Collect(maps.Keys(running)), func(a, b string) int {
					return cmp.Or(cmp.Compare(running[a].usage(), running[b].usage()), cmp.Compare(a, b))
				})
				a := running[worst]
				delete(running, worst)
				r.kills++
				l.end(worst, Outcome{Result: Again, Need: a.usage() * 3 / 2, Alone: true})
				if r.kills > 10*len(tasks) {
					panic("killed without end")
				}
			}
		}
	}
	l.skipRest()
	r.wall = now.Sub(time.Unix(0, 0))
	return r
}

// randomTasks makes a layered workspace: sizes as packages have them, many
// small and few large.
func randomTasks(r *rand.Rand, n int, budget memtools.Bytes) []simTask {
	var tasks []simTask
	density := r.Float64() * 2.5 / float64(n)
	for i := range n {
		size := math.Exp(r.NormFloat64()*0.8) / 4 // log-normal
		peak := memtools.Bytes(min(0.95, (0.1+size*0.5)*(0.7+0.6*r.Float64())) * float64(budget))
		length := time.Duration((0.5 + 10*size*(0.5+r.Float64())) * float64(time.Second))
		t := simTask{peak: peak, length: length, rise: 0.3 + 0.6*r.Float64()}
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

// TestWrongNeeds: with needs wrong by up to three times in either direction
// every graph finishes, and nothing is killed by the kernel.
func TestWrongNeeds(t *testing.T) {
	graphs := 300
	if testing.Short() {
		graphs = 40
	}
	for _, cpus := range []float64{2, 4, 8, 16} {
		t.Run(fmt.Sprintf("%v processors", cpus), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(cpus), 11))
			w := world{cpus: cpus, budget: 8 * memtools.GB, limit: 8*memtools.GB + 400*memtools.MB, step: 50 * time.Millisecond}
			var stops, kills int
			for g := range graphs {
				tasks := randomTasks(r, 5+r.IntN(25), w.budget)
				for i := range tasks {
					tasks[i].Need = memtools.Bytes(float64(tasks[i].peak) * math.Pow(3, 2*r.Float64()-1))
				}
				got := w.run(tasks, true)
				if got.done != len(tasks) {
					t.Errorf("graph %d: %d of %d done, %d failed", g, got.done, len(tasks), got.failed)
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
