package schedule

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// simTask is what a task really takes. Its job's estimate may differ.
type simTask struct {
	Job
	peak   memtools.Bytes
	length time.Duration // with a processor to itself
	// rise is the part of its length after which it holds its peak.
	rise float64
}

// world runs tasks in simulated time. Usage rises in a line to the peak, the
// processors are shared evenly, and the kernel kills what passes the limit.
type world struct {
	cpus          float64
	budget, limit memtools.Bytes
	// step is the time between two measurements.
	step time.Duration
}

// simRun is how a simulated run ended.
type simRun struct {
	wall time.Duration
	// peak is the largest sum of the usages at one time, needs that of the needs.
	peak, needs         memtools.Bytes
	done, failed, kills int
	stops               int
}

// simAttempt is a simulated Attempt.
type simAttempt struct {
	*simTask
	job      *job
	progress time.Duration
	frozen   bool
	stopped  bool
	final    bool
}

func (a *simAttempt) Freeze()              { a.frozen = true }
func (a *simAttempt) Thaw()                { a.frozen = false }
func (a *simAttempt) Stop(why Stop)        { a.stopped, a.final = true, why == AsLast }
func (a *simAttempt) Done() <-chan Outcome { return nil }

func (a *simAttempt) usage() memtools.Bytes {
	part := 1.0
	if at := float64(a.length) * a.rise; float64(a.progress) < at {
		part = float64(a.progress) / at
	}
	return memtools.Bytes(part * float64(a.peak))
}

// simulation is one run in a world.
type simulation struct {
	world
	*ledger
	now     time.Time
	running map[string]*simAttempt
	tasks   map[string]*simTask
	// beside are other runs that share the limit, the older ones first, and older is how
	// many of them are older.
	beside []*simulation
	older  int
	least  memtools.Bytes // usage since grown
	grown  time.Time      // when its usage last rose
	simRun
}

// run simulates the tasks under the scheduler, measured and corrected at each step.
func (w world) run(tasks []simTask) simRun { return w.simulate(tasks, true) }

// trusting simulates them with needs that are right: nothing is measured or
// corrected, none is started as a guest, and time goes from one end of a task to the
// next.
func (w world) trusting(tasks []simTask) simRun { return w.simulate(tasks, false) }

func (w world) begin(tasks []simTask) *simulation {
	s := &simulation{world: w, now: time.Unix(0, 0), running: map[string]*simAttempt{}, tasks: map[string]*simTask{}}
	var jobs []Job
	for i := range tasks {
		s.tasks[tasks[i].ID] = &tasks[i]
		jobs = append(jobs, tasks[i].Job)
	}
	s.ledger = newLedger(jobs, Options{CPUs: w.cpus})
	return s
}

func (w world) simulate(tasks []simTask, steps bool) simRun {
	s := w.begin(tasks)
	if !steps {
		noGuests(s.ledger)
		s.step = math.MaxInt64
	}
	for {
		if steps {
			s.correct()
		}
		s.start()
		if len(s.running) == 0 {
			break
		}
		s.advance(s.untilNext())
		if steps {
			s.kill()
		}
	}
	s.skipRest()
	s.wall = s.now.Sub(time.Unix(0, 0))
	return s.simRun
}

// start starts what the ledger admits.
func (s *simulation) start() {
	for _, j := range s.admit(s.measure()) {
		a := &simAttempt{simTask: s.tasks[j.ID], job: j}
		j.attempt, s.running[j.ID] = a, a
	}
}

// noGuests has a ledger start nothing whose need does not fit.
func noGuests(l *ledger) {
	for _, j := range l.jobs {
		j.stops = 1 // what was stopped once is never a guest
	}
}

func (s *simulation) measure() Memory {
	m := Memory{Time: s.now, Budget: s.budget, Tasks: map[string]memtools.Bytes{}}
	for id, a := range s.running {
		m.Tasks[id] = a.usage()
		m.Usage += a.usage()
	}
	m.Available = s.limit - m.Usage
	for i, other := range s.beside {
		m.Available -= other.usage()
		m.Elder = m.Elder || i < s.older && other.atWork()
	}
	if s.beside != nil {
		m.Available = max(m.Available, 0)
		m.Most, m.Budget = s.budget, max(1, min(s.budget, m.Usage+m.Available-(s.limit-s.budget)))
	}
	return m
}

func (s *simulation) usage() (sum memtools.Bytes) {
	for _, a := range s.running {
		sum += a.usage()
	}
	return sum
}

// atWork reports whether the run has grown within the last ten seconds.
func (s *simulation) atWork() bool {
	s.least = min(s.least, s.usage())
	if s.usage() > s.least+16*memtools.MB {
		s.least, s.grown = s.usage(), s.now
	}
	return s.now.Sub(s.grown) < 10*time.Second
}

func (s *simulation) correct() {
	act(s.ledger.correct(s.measure()), nil)
	for id, a := range s.running {
		if a.stopped {
			delete(s.running, id)
			o := Outcome{Result: Again}
			s.stops++
			if a.final {
				o.Result = Failed
				s.failed++
			}
			s.end(a.job, o)
		}
	}
}

// rate is how fast an attempt advances that is not frozen.
func (s *simulation) rate() float64 {
	moving := 0
	for _, a := range s.running {
		if !a.frozen {
			moving++
		}
	}
	return min(1, s.cpus/float64(max(moving, 1)))
}

// untilNext is the time until the next measurement or the next end of a task.
func (s *simulation) untilNext() time.Duration {
	d := s.step
	for _, a := range s.running {
		if !a.frozen {
			d = min(d, time.Duration(math.Ceil(float64(a.length-a.progress)/s.rate())))
		}
	}
	return max(d, 1)
}

// advance lets time pass.
func (s *simulation) advance(d time.Duration) {
	var needs memtools.Bytes
	for _, a := range s.running {
		needs += a.Need
	}
	s.needs = max(s.needs, needs)
	rate := s.rate()
	s.now = s.now.Add(d)
	for _, id := range slices.Sorted(maps.Keys(s.running)) {
		a := s.running[id]
		if !a.frozen {
			a.progress += time.Duration(math.Ceil(float64(d) * rate))
		}
		if a.progress >= a.length {
			delete(s.running, id)
			s.done++
			s.end(a.job, Outcome{})
		}
	}
}

// kill does what the kernel does when the limit is passed: it kills the largest.
func (s *simulation) kill() {
	m := s.measure()
	s.peak = max(s.peak, m.Usage)
	if m.Usage <= s.limit {
		return
	}
	worst := slices.MaxFunc(slices.Collect(maps.Keys(s.running)), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.Tasks[a], m.Tasks[b]), cmp.Compare(a, b))
	})
	a := s.running[worst]
	delete(s.running, worst)
	s.kills++
	s.end(a.job, Outcome{Result: Again, Need: a.usage() * 3 / 2, Alone: true})
	if s.kills > 10*s.added {
		panic("killed without end")
	}
}
