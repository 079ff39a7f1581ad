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
func (a *simAttempt) Stop(final bool)      { a.stopped, a.final = true, final }
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
	simRun
}

// run simulates the tasks under the scheduler, measured and corrected at each step.
func (w world) run(tasks []simTask) simRun { return w.simulate(tasks, true) }

// trusting simulates them with needs that are right: nothing is measured or
// corrected, none is started as a guest, and time goes from one end of a task to the
// next.
func (w world) trusting(tasks []simTask) simRun { return w.simulate(tasks, false) }

func (w world) simulate(tasks []simTask, steps bool) simRun {
	byID := map[string]*simTask{}
	var jobs []Job
	for i := range tasks {
		byID[tasks[i].ID] = &tasks[i]
		jobs = append(jobs, tasks[i].Job)
	}
	s := &simulation{world: w, ledger: newLedger(jobs, Options{CPUs: w.cpus}), now: time.Unix(0, 0), running: map[string]*simAttempt{}}
	if !steps {
		noGuests(s.ledger)
		s.step = math.MaxInt64
	}
	for {
		if steps {
			s.correct()
		}
		for _, j := range s.admit(s.measure()) {
			a := &simAttempt{simTask: byID[j.ID], job: j}
			j.attempt, s.running[j.ID] = a, a
		}
		if len(s.running) == 0 {
			break
		}
		s.advance()
		if steps {
			s.kill()
		}
	}
	s.skipRest()
	s.wall = s.now.Sub(time.Unix(0, 0))
	return s.simRun
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
	return m
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

// advance lets time pass until the next measurement or the next end of a task.
func (s *simulation) advance() {
	var needs memtools.Bytes
	moving := 0
	for _, a := range s.running {
		needs += a.Need
		if !a.frozen {
			moving++
		}
	}
	s.needs = max(s.needs, needs)
	rate := min(1, s.cpus/float64(max(moving, 1)))
	d := s.step
	for _, a := range s.running {
		if !a.frozen {
			d = min(d, time.Duration(math.Ceil(float64(a.length-a.progress)/rate)))
		}
	}
	d = max(d, 1)
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
