package schedule

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/cpushare"
	"github.com/heapmage/heapmage/memtools"
)

// hiddenWorld is a machine on which a foreign runner starts tasks in their order, a few at
// once, and knows nothing of memory. Tasks wait for each other in ways that the scheduler is
// not told.
type hiddenWorld struct {
	tasks         []hiddenTask
	slots         int
	cpus          float64
	own           memtools.Bytes
	budget, limit memtools.Bytes
	untold        bool // the system does not tell processor times
	most          time.Duration
}

type hiddenTask struct {
	Job
	peak  memtools.Bytes
	takes time.Duration
	rise  float64 // the part of takes after which it has its peak
	busy  float64 // processors while it works
	polls float64 // processors while it waits
	waits []hiddenWait
	// until is the task with whose end this one ends, for a server. Zero or less for
	// others.
	until int
	// below is the task that starts this one and waits for its end, one more than its index.
	// Zero means that the runner starts it.
	below int
}

// hiddenWait is a wait of a task that has come to a part of its work.
type hiddenWait struct {
	at float64
	// on is the task that it waits for: until that has come to a part of its work, and
	// at 1 to its end.
	on    int
	point float64
	// lock is held from here to the end of the part that follows, if it is not zero; on and
	// point are not used then.
	lock int
}

// lockHeld is the part of its work for which a task holds a lock.
const lockHeld = 0.2

// hiddenRun is one run in such a world.
type hiddenRun struct {
	hiddenWorld
	*ledger
	now      time.Time
	launched int
	asked    []bool
	came     []float64 // how far each task ever came
	ended    []bool
	holders  map[int]*hiddenAttempt
	attempts map[string]*hiddenAttempt
	cpu      map[string]time.Duration
	cpuRead  time.Time

	kills, stops, failed, freezes int
	faults                        []string
}

type hiddenAttempt struct {
	*hiddenTask
	at      int // index of the task
	run     *hiddenRun
	part    float64 // of its work
	waited  int     // how many of its waits are over
	spent   time.Duration
	frozen  bool
	stopped bool
	why     Stop
}

func (a *hiddenAttempt) Freeze()              { a.frozen = true; a.run.freezes++ }
func (a *hiddenAttempt) Thaw()                { a.frozen = false }
func (a *hiddenAttempt) Stop(why Stop)        { a.stopped, a.why = true, why }
func (a *hiddenAttempt) Done() <-chan Outcome { return nil }

func (a *hiddenAttempt) usage() memtools.Bytes {
	return memtools.Bytes(min(1, a.part/a.rise) * float64(a.peak))
}

// blocked reports whether it waits, and takes a lock if it can.
func (a *hiddenAttempt) blocked() bool {
	for a.waited < len(a.waits) && a.part >= a.waits[a.waited].at {
		w := a.waits[a.waited]
		if w.lock > 0 {
			if other := a.run.holders[w.lock]; other != nil && other != a {
				return true
			}
			a.run.holders[w.lock] = a
		} else if a.run.came[w.on] < w.point && !a.run.ended[w.on] {
			return true
		}
		a.waited++
	}
	return false
}

func (a *hiddenAttempt) release() {
	for lock, holder := range a.run.holders {
		if holder == a {
			delete(a.run.holders, lock)
		}
	}
}

// advance lets it work for d at a rate.
func (a *hiddenAttempt) advance(d time.Duration, rate float64) {
	next := 1.0
	if a.waited < len(a.waits) {
		next = a.waits[a.waited].at
	}
	a.part = min(next, a.part+rate*float64(d)/float64(a.takes))
	a.run.came[a.at] = max(a.run.came[a.at], a.part)
	if a.waited > 0 {
		if w := a.waits[a.waited-1]; w.lock > 0 && a.part >= w.at+lockHeld {
			a.release()
		}
	}
}

// mostSimulated is when a run counts as hanging.
const mostSimulated = 24 * time.Hour

// run runs the world under the scheduler. It returns false if it hangs.
func (w hiddenWorld) run() (*hiddenRun, bool) {
	r := &hiddenRun{hiddenWorld: w, now: time.Unix(0, 0), asked: make([]bool, len(w.tasks)), came: make([]float64, len(w.tasks)),
		ended: make([]bool, len(w.tasks)), holders: map[int]*hiddenAttempt{}, attempts: map[string]*hiddenAttempt{}, cpu: map[string]time.Duration{}}
	r.ledger = newLedger(nil, Options{CPUs: w.cpus, HiddenWaits: true, KeepFrozen: true})
	if w.budget == 0 {
		r.o.Slots, r.o.CPUs = 1000, math.Inf(1)
	}
	for r.now.Sub(time.Unix(0, 0)) < cmp.Or(w.most, mostSimulated) {
		r.ask()
		r.schedule()
		if !slices.Contains(r.ended, false) {
			return r, true
		}
		r.advance()
	}
	return r, false
}

// ask has the runner and the tasks that contain others ask for what comes next.
func (r *hiddenRun) ask() {
	busy := 0
	for i := range r.tasks {
		if r.asked[i] && !r.ended[i] && r.tasks[i].below == 0 {
			busy++
		}
	}
	for ; r.launched < len(r.tasks) && busy < r.slots; r.launched++ {
		if r.tasks[r.launched].below == 0 {
			r.asked[r.launched] = true
			r.arrive(r.tasks[r.launched].Job)
			busy++
		}
	}
	for i, t := range r.tasks {
		if t.below > 0 && !r.asked[i] && r.came[t.below-1] > 0 {
			r.asked[i] = true
			act(r.setAside(r.tasks[t.below-1].ID), nil)
			r.arrive(t.Job)
		}
	}
}

func (r *hiddenRun) measure() Memory {
	m := Memory{Time: r.now, Budget: r.budget, Usage: r.own, Rest: r.own, Tasks: map[string]memtools.Bytes{}}
	for id, a := range r.attempts {
		m.Tasks[id] = a.usage()
		m.Usage += a.usage()
	}
	m.Available = max(0, r.limit-m.Usage)
	if r.now.Sub(r.cpuRead) >= time.Second { // as the meter reads it
		r.cpu, r.cpuRead = map[string]time.Duration{}, r.now
		for id, a := range r.attempts {
			r.cpu[id] = a.spent
		}
	}
	if !r.untold {
		m.CPU = r.cpu
	}
	return r.withAside(m)
}

func (r *hiddenRun) schedule() {
	m := r.measure()
	cs := r.correct(m)
	for _, c := range cs {
		r.check(c)
	}
	act(cs, nil)
	for _, j := range slices.Concat(r.running, r.aside) {
		if a := j.attempt.(*hiddenAttempt); a.stopped {
			o := Outcome{Result: Again}
			if a.why == AsLast {
				o.Result = Failed
				r.failed++
				r.ended[a.at] = true
			}
			r.stops++
			r.over(j, o)
			m = r.measure()
		}
	}
	for _, j := range r.admit(m) {
		i := slices.IndexFunc(r.tasks, func(t hiddenTask) bool { return t.ID == j.ID })
		a := &hiddenAttempt{hiddenTask: &r.tasks[i], at: i, run: r}
		j.attempt, r.attempts[j.ID] = a, a
	}
}

func (r *hiddenRun) over(j *job, o Outcome) {
	r.attempts[j.ID].release()
	delete(r.attempts, j.ID)
	r.end(j, o)
}

// check notes what a correction must not do.
func (r *hiddenRun) check(c correction) {
	fault := func(text string) {
		r.faults = append(r.faults, fmt.Sprintf("at %v: %s %s", r.now.Sub(time.Unix(0, 0)), c.job.ID, text))
	}
	if c.job == nil {
		return
	}
	others := slices.ContainsFunc(r.running, func(j *job) bool { return j != c.job && !j.stopping })
	stoppable := slices.ContainsFunc(r.running, func(j *job) bool { return j != c.job && !j.stopping && r.mayStop(j) })
	switch {
	case (c.kind == stop || c.kind == yield) && c.job.Once:
		fault("is stopped although it must not run twice")
	case c.kind == stop && c.job == r.running[0] && stoppable:
		fault("is the oldest and stopped before others")
	case c.kind == giveUp && others && (c.job.Lasting || c.job == r.running[0]):
		fault("is ended before others")
	case c.kind == giveUp && stoppable:
		fault("is ended while another could be stopped")
	case c.job.released, c.job.Lasting && c.kind != giveUp:
		fault("takes part in a correction")
	}
}

// advance lets time pass until the next measurement.
func (r *hiddenRun) advance() {
	d := 250 * time.Millisecond
	var working []*hiddenAttempt
	var busy []float64
	for _, t := range r.tasks { // in a fixed order
		if a := r.attempts[t.ID]; a != nil && !a.frozen && a.part < 1 && !a.blocked() {
			working, busy = append(working, a), append(busy, a.busy)
			if a.part < a.rise {
				d = 50 * time.Millisecond
			}
		}
	}
	if len(working) == 0 {
		d = time.Second
	}
	part := cpushare.Part(r.cpus, busy)
	for _, a := range r.attempts {
		if !a.frozen && !slices.Contains(working, a) {
			a.spent += time.Duration(a.polls * float64(d))
		}
	}
	for _, a := range working {
		rate := cpushare.Rate(a.busy, part)
		a.advance(d, rate)
		a.spent += time.Duration(a.busy * rate * float64(d))
	}
	r.now = r.now.Add(d)
	for i, t := range r.tasks {
		if !r.asked[i] || r.ended[i] {
			continue
		}
		a := r.attempts[t.ID]
		switch {
		case t.until > 0 && r.ended[t.until] || t.until < 0 && r.onlyServers(): // its user ends it
			r.ended[i] = true
			if a == nil {
				act(r.setAside(t.ID), nil)
			}
		case t.until == 0 && a != nil && a.part >= 1 && !r.contains(i):
			r.ended[i] = true
		}
		if r.ended[i] && a != nil {
			r.over(r.jobOf(a), Outcome{})
		}
	}
	r.kill()
}

func (r *hiddenRun) jobOf(a *hiddenAttempt) *job {
	all := slices.Concat(r.running, r.aside)
	return all[slices.IndexFunc(all, func(j *job) bool { return j.attempt == a })]
}

// contains reports whether a task still waits for tasks below it.
func (r *hiddenRun) contains(i int) bool {
	for k, t := range r.tasks {
		if t.below == i+1 && !r.ended[k] {
			return true
		}
	}
	return false
}

// onlyServers reports whether all that end on their own have ended.
func (r *hiddenRun) onlyServers() bool {
	for i, t := range r.tasks {
		if t.until == 0 && !r.ended[i] {
			return false
		}
	}
	return true
}

// kill counts when the kernel would kill, and lets all live.
func (r *hiddenRun) kill() {
	usage := r.own
	for _, a := range r.attempts {
		usage += a.usage()
	}
	if r.limit > 0 && usage > r.limit {
		r.kills++
	}
}

// unlimited is the same world with memory and processors for all.
func (w hiddenWorld) unlimited() hiddenWorld {
	w.budget, w.limit, w.cpus, w.most = 0, 0, 1000, time.Hour
	return w
}

// drawWorld draws a world that does not hang by itself once it is changed.
func drawWorld(r *rand.Rand, change func(*hiddenWorld)) hiddenWorld {
	for {
		w := drawAnyWorld(r)
		change(&w)
		if _, ends := w.unlimited().run(); ends {
			return w
		}
	}
}

func drawAnyWorld(r *rand.Rand) hiddenWorld {
	w := hiddenWorld{slots: 1 + r.IntN(8), cpus: float64(1 + r.IntN(8)), own: 50 * memtools.MB, untold: r.IntN(8) == 0}
	n := 2 + r.IntN(10)
	rank := r.Perm(n) // waits go up in rank, so none is in a circle
	var largest, lasting memtools.Bytes
	for i := range n {
		t := hiddenTask{peak: memtools.Bytes(50+r.IntN(1500)) * memtools.MB, rise: 0.1 + 0.8*r.Float64(),
			busy: []float64{0.2, 1, 1, 2}[r.IntN(4)], polls: []float64{0, 0, 0.005, 0.02, 0.2}[r.IntN(5)]}
		t.takes = time.Duration(float64(t.peak)/float64(100*memtools.MB)/t.rise*float64(time.Second)) + time.Duration(r.IntN(20000))*time.Millisecond
		t.ID = fmt.Sprint(i)
		t.Once, t.Fragile = r.IntN(2) == 0, r.IntN(4) == 0
		t.Need, t.Length = memtools.Bytes(float64(t.peak)*math.Pow(3, 2*r.Float64()-1)), t.takes
		if i > 0 && r.IntN(8) == 0 && w.tasks[i-1].until == 0 {
			t.below = 1 + r.IntN(i)
			if w.tasks[t.below-1].below > 0 || w.tasks[t.below-1].until != 0 {
				t.below = 0
			}
		}
		if r.IntN(6) == 0 && t.below == 0 {
			t.until = -1
			if i+1 < n && r.IntN(2) == 0 {
				t.until = i + 1 + r.IntN(n-i-1)
			}
			t.Lasting = r.IntN(2) == 0
		}
		for k := range n {
			if rank[k] > rank[i] && r.IntN(4) == 0 {
				t.waits = append(t.waits, hiddenWait{at: 0.8 * r.Float64(), on: k, point: []float64{0.01, r.Float64(), 1}[r.IntN(3)]})
			}
		}
		slices.SortFunc(t.waits, func(a, b hiddenWait) int { return cmp.Compare(a.at, b.at) })
		if r.IntN(4) == 0 && t.until == 0 { // with no other wait while it is held
			t.waits = append(t.waits, hiddenWait{at: 0.8, lock: 1 + r.IntN(2)})
		}
		w.tasks = append(w.tasks, t)
	}
	for _, t := range w.tasks { // what contains others is a runner, which is small
		if t.below > 0 {
			w.tasks[t.below-1].peak = 80 * memtools.MB
		}
	}
	for i, t := range w.tasks {
		if t.Lasting || slices.ContainsFunc(w.tasks, func(below hiddenTask) bool { return below.below == i+1 }) {
			lasting += t.peak
		} else {
			largest = max(largest, t.peak)
		}
	}
	for i := range w.tasks { // a wait for the end of a server is one for its end by another
		for k := range w.tasks[i].waits {
			if on := w.tasks[i].waits[k].on; w.tasks[on].until != 0 {
				w.tasks[i].waits[k].point = min(w.tasks[i].waits[k].point, 0.9)
			}
		}
	}
	// The budget leaves what the ladder leaves of the limit.
	w.budget = w.own + lasting + memtools.Bytes((1.05+2.95*r.Float64())*float64(largest))
	w.limit = w.budget + 150*memtools.MB
	return w
}

// hiddenWorlds plays worlds, each changed first, and checks what holds for all: none hangs that
// would end if there were memory for all, nothing runs twice that must not, the oldest
// goes first, and the kernel has nothing to do.
func hiddenWorlds(t *testing.T, seed uint64, change func(*hiddenWorld), also func(*hiddenRun) string) {
	worlds := 100
	if testing.Short() {
		worlds = 15
	}
	var stops, failed, freezes int
	longest := time.Duration(0)
	for n := range worlds {
		w := drawWorld(rand.New(rand.NewPCG(uint64(n), seed)), change)
		got, ends := w.run()
		if !ends {
			t.Errorf("world %d hangs", n)
		}
		for _, f := range got.faults {
			t.Errorf("world %d %s", n, f)
		}
		if got.kills > 0 {
			t.Errorf("world %d: %d times above the limit", n, got.kills)
		}
		if fault := also(got); fault != "" {
			t.Errorf("world %d: %s: %d stops, %d failed, %d frozen", n, fault, got.stops, got.failed, got.freezes)
		}
		stops, failed, freezes = stops+got.stops, failed+got.failed, freezes+got.freezes
		longest = max(longest, got.now.Sub(time.Unix(0, 0)))
	}
	t.Logf("%d worlds: %d stops, %d failed, %d frozen, the longest took %v", worlds, stops, failed, freezes, longest)
}

func TestHiddenWaits(t *testing.T) {
	anything := func(*hiddenRun) string { return "" }
	t.Run("every run ends", func(t *testing.T) {
		t.Parallel()
		hiddenWorlds(t, 15, func(*hiddenWorld) {}, anything)
	})
	t.Run("every run ends if the system does not tell processor times", func(t *testing.T) {
		t.Parallel()
		hiddenWorlds(t, 16, func(w *hiddenWorld) { w.untold = true }, anything)
	})
	t.Run("nothing fails for memory that may run again and waits for nothing", func(t *testing.T) {
		t.Parallel()
		hiddenWorlds(t, 17, func(w *hiddenWorld) {
			for i := range w.tasks {
				task := &w.tasks[i]
				task.Once, task.waits, task.busy = false, nil, max(task.busy, 1)
				if !task.Lasting {
					task.until = 0
				}
			}
		}, func(r *hiddenRun) string {
			if r.failed > 0 {
				return "failed"
			}
			return ""
		})
	})
	t.Run("nothing fails for memory if only one at a time must not run twice", func(t *testing.T) {
		t.Parallel()
		hiddenWorlds(t, 18, func(w *hiddenWorld) {
			for i := range w.tasks {
				task := &w.tasks[i]
				task.Once, task.waits, task.busy = i == 0, nil, max(task.busy, 1)
				if !task.Lasting {
					task.until = 0
				}
			}
		}, func(r *hiddenRun) string {
			if r.failed > 0 {
				return "failed"
			}
			return ""
		})
	})
	t.Run("nothing is stopped if there is memory for all, however wrong the needs", func(t *testing.T) {
		t.Parallel()
		hiddenWorlds(t, 19, func(w *hiddenWorld) {
			w.budget = w.own + 200*memtools.MB
			for _, task := range w.tasks {
				w.budget += task.peak
			}
			w.limit = w.budget + 150*memtools.MB
		}, func(r *hiddenRun) string {
			if r.stops > 0 || r.failed > 0 {
				return "stopped"
			}
			return ""
		})
	})
}
