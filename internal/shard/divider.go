package shard

import (
	"cmp"
	"iter"
	"math/big"
	"math/bits"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/whatif"
	"github.com/heapmage/heapmage/memtools"
)

// What it takes to fetch a result: a request, and its bytes.
const (
	request   = 100 * time.Millisecond
	perSecond = 50 * memtools.MB
)

// fetching is how long it takes to put a known result in place.
func fetching(size memtools.Bytes) time.Duration {
	return request + time.Duration(float64(max(0, size))/float64(perSecond)*float64(time.Second))
}

// divider is a request with what dividing it takes to know.
type divider struct {
	Request
	index map[string]int
	works []schedule.Work
	// closures are for each task the tasks that it needs, itself among them; for sinks also as
	// lists. paths is how long they take at least, one after the other.
	closures []*big.Int
	lists    [][]int
	paths    []time.Duration
	// large are the tasks that only fit the larger runner.
	large *big.Int
	// sinks are the tasks to run that no other task to run needs, those with the most to do
	// first. Where they run, all others do.
	sinks []int

	simulated map[string]schedule.Simulated // by runner and tasks
	left      float64                       // how much more may be simulated, in tasks at steps
}

// leastBusy keeps a task that only waits from being none.
const leastBusy = 0.01

func newDivider(r Request) (*divider, error) {
	p := &divider{Request: r, index: map[string]int{}, large: new(big.Int), simulated: map[string]schedule.Simulated{}, left: effort}
	needed := new(big.Int)
	var tooBig []Task
	for i, t := range r.Tasks {
		p.index[t.ID] = i
		if t.Guessed { // a first run of it alone tells more
			t.Need, t.Peak = min(t.Need, r.Runner.Budget), min(t.Peak, r.Runner.Budget)
		}
		work := schedule.Work{Job: schedule.Job{ID: t.ID, Estimate: schedule.Estimate{Need: t.Need, Length: t.Length, Cores: t.Cores}},
			Peak: cmp.Or(t.Peak, t.Need), Takes: max(t.Length, time.Millisecond), Busy: max(leastBusy, cmp.Or(t.Cores, 1)), Rise: rise}
		if t.Known {
			work.Need, work.Peak, work.Takes, work.Busy = 1, 0, fetching(t.Size), fetchBusy
			work.Length, work.Cores = work.Takes, work.Busy
		}
		closure, path := new(big.Int), time.Duration(0)
		for _, id := range t.After {
			if at, ok := p.index[id]; ok && at != i {
				work.After = append(work.After, id)
				closure.Or(closure, p.closures[at])
				path = max(path, p.paths[at])
				if !t.Known {
					needed.SetBit(needed, at, 1)
				}
			}
		}
		for _, id := range t.Follows {
			if at, ok := p.index[id]; ok && at != i {
				work.Follows = append(work.Follows, id)
			}
		}
		p.closures = append(p.closures, closure.SetBit(closure, i, 1))
		p.paths = append(p.paths, path+work.Takes)
		p.works = append(p.works, work)
		if !t.Known && t.Need > r.Runner.Budget && !t.Guessed {
			p.large.SetBit(p.large, i, 1)
			if r.Larger == nil || t.Need > r.Larger.Budget {
				tooBig = append(tooBig, t)
			}
		}
	}
	if len(tooBig) > 0 {
		return nil, tooLarge(tooBig, r)
	}
	for i, t := range r.Tasks {
		if !t.Known && needed.Bit(i) == 0 {
			p.sinks = append(p.sinks, i)
		}
	}
	load := make(map[int]time.Duration, len(p.sinks))
	p.lists = make([][]int, len(r.Tasks))
	for _, s := range p.sinks {
		p.lists[s] = slices.Collect(members(p.closures[s]))
		load[s] = p.least(p.Runner, p.sum(p.closures[s]), p.paths[s])
	}
	slices.SortFunc(p.sinks, func(a, b int) int {
		return cmp.Or(cmp.Compare(load[b], load[a]), cmp.Compare(r.Tasks[a].ID, r.Tasks[b].ID))
	})
	return p, nil
}

// rise is the part of its time in which a task reaches its peak, as package whatif has it.
const rise = 0.8

// fetchBusy is how much of a processor it takes to fetch a result.
const fetchBusy = 0.5

// isLarge reports whether a task, or one that it needs, only fits the larger runner.
func (p *divider) isLarge(task int) bool {
	return new(big.Int).And(p.closures[task], p.large).Sign() > 0
}

// load is what some tasks come to if nothing has to wait.
type load struct {
	busy, takes time.Duration // of processors, and of slots
	area        float64       // bytes × seconds
}

func (l *load) add(w *schedule.Work, times float64) {
	l.busy += time.Duration(times * float64(w.Takes) * w.Busy)
	l.takes += time.Duration(times * float64(w.Takes))
	l.area += times * w.Takes.Seconds() * float64(w.Need)
}

// sum is the load of a set of tasks.
func (p *divider) sum(set *big.Int) (l load) {
	for i := range members(set) {
		l.add(&p.works[i], 1)
	}
	return l
}

// least is what a runner takes at least for a load with a longest path.
func (p *divider) least(r Runner, l load, path time.Duration) time.Duration {
	least := max(path, time.Duration(float64(l.busy)/max(1, r.CPUs)), time.Duration(l.area/float64(max(1, r.Budget))*float64(time.Second)))
	if r.Slots > 0 {
		least = max(least, l.takes/time.Duration(r.Slots))
	}
	return least
}

// members yields the numbers in a set, the least first.
func members(set *big.Int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for n, word := range set.Bits() {
			for w := uint(word); w != 0; w &= w - 1 {
				if !yield(n*bits.UintSize + bits.TrailingZeros(w)) {
					return
				}
			}
		}
	}
}

// Simulations are bounded by what they come to, so that a plan takes seconds at most, and the
// same on every machine.
const (
	step      = 250 * time.Millisecond
	mostSteps = 2_000
	effort    = 3e6 // tasks at work at a step, of which each takes about 1 µs
)

// simulate tells how a runner would fare with a set of tasks.
func (p *divider) simulate(larger bool, set *big.Int) schedule.Simulated {
	key := string(set.Bytes())
	if larger {
		key += "+"
	}
	if known, ok := p.simulated[key]; ok {
		return known
	}
	var works []schedule.Work
	for i := range members(set) {
		works = append(works, p.works[i])
	}
	r := p.runner(larger)
	w := whatif.Paced(schedule.World{CPUs: r.CPUs, Slots: r.Slots, Budget: r.Budget, Limit: max(r.Memory, r.Budget)}, works, step, mostSteps)
	run := w.Run(works)
	atOnce := min(len(works), schedule.Options{CPUs: r.CPUs, Slots: r.Slots}.MostAtOnce())
	p.left -= float64(len(works)) + float64(run.Wall/w.Step)*float64(atOnce)
	p.simulated[key] = run
	return run
}

func (p *divider) runner(larger bool) Runner {
	if larger {
		return *p.Larger
	}
	return p.Runner
}
