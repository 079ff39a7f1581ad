package schedule

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/cpushare"
	"github.com/heapmage/heapmage/memtools"
)

// World is a machine in simulated time. The kernel there kills what passes the limit.
type World struct {
	// CPUs is how many processors there are. Less than 1 counts as 1.
	CPUs float64
	// Slots is how many tasks may run at once. Zero means as many as CPUs allow.
	Slots int
	// Budget is what the run may use, and Limit what the kernel gives it.
	Budget, Limit memtools.Bytes
	// Own is what the run uses beside its tasks.
	Own memtools.Bytes
	// Step is the time between two measurements. It must be positive.
	Step time.Duration
}

// Work is a job with what it really takes, which its estimate may not know. Usage rises in a
// line to the peak.
type Work struct {
	Job
	// Peak is its highest usage.
	Peak memtools.Bytes
	// Takes is how long it runs if no other task wants its processors.
	Takes time.Duration
	// Busy is how many processors it then keeps busy. Zero means 1.
	Busy float64
	// Rise is the part of Takes, from 0 to 1, after which it holds its peak.
	Rise float64
}

// Simulated is how a simulated run ended.
type Simulated struct {
	Wall time.Duration
	// Peak is the largest usage that was measured.
	Peak memtools.Bytes
	// Failed are the IDs of the tasks that do not fit into the memory.
	Failed []string

	needs              memtools.Bytes // the largest sum of the needs at one time
	done, kills, stops int
}

// Run simulates the works, of which each must stand behind those that it depends on, under
// the scheduler, measured and corrected at each step. The same works give the same run. It takes
// about 1 µs for each task at work in each step.
func (w World) Run(works []Work) Simulated { return w.simulate(works, true) }

func (w World) simulate(works []Work, steps bool) Simulated {
	s := w.begin(works)
	if !steps {
		noGuests(s.ledger)
		s.Step = math.MaxInt64
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
	s.Wall = s.now.Sub(time.Unix(0, 0))
	return s.Simulated
}

// simulation is one run in a world.
type simulation struct {
	World
	*ledger
	Simulated
	now   time.Time
	works map[string]*Work
	busy  []float64 // of share
	// others changes a measurement by what runs beside this one. Nil means that nothing does.
	others func(*Memory)
}

func (w World) begin(works []Work) *simulation {
	s := &simulation{World: w, now: time.Unix(0, 0), works: map[string]*Work{}}
	var jobs []Job
	for i := range works {
		s.works[works[i].ID], jobs = &works[i], append(jobs, works[i].Job)
	}
	o := Options{CPUs: w.CPUs, Slots: w.Slots}
	if o.Slots > 0 {
		o.CPUs = math.Inf(1) // as the engine has it: the number stands, however busy the processors are
	}
	s.ledger = newLedger(jobs, o)
	return s
}

// noGuests has a ledger start nothing whose need does not fit.
func noGuests(l *ledger) {
	for _, j := range l.jobs {
		j.stops = 1 // what was stopped once is never a guest
	}
}

// simulated is an attempt at a work.
type simulated struct {
	*Work
	progress time.Duration
	rate     float64 // how fast it advances, from 0 to 1
	frozen   bool
	stopped  bool
	final    bool
}

func (a *simulated) Freeze()              { a.frozen = true }
func (a *simulated) Thaw()                { a.frozen = false }
func (a *simulated) Stop(why Stop)        { a.stopped, a.final = true, why == AsLast }
func (a *simulated) Done() <-chan Outcome { return nil }

func (a *simulated) usage() memtools.Bytes {
	part := 1.0
	if at := float64(a.Takes) * a.Rise; float64(a.progress) < at {
		part = float64(a.progress) / at
	}
	return memtools.Bytes(part * float64(a.Peak))
}

// of is the simulated attempt at a running job.
func of(j *job) *simulated { return j.attempt.(*simulated) }

// start starts what the ledger admits.
func (s *simulation) start() {
	for _, j := range s.admit(s.measure()) {
		j.attempt = &simulated{Work: s.works[j.ID]}
	}
}

func (s *simulation) measure() Memory {
	m := Memory{Time: s.now, Budget: s.Budget, Usage: s.Own, Rest: s.Own, Tasks: make(map[string]memtools.Bytes, len(s.running))}
	for _, j := range s.running {
		m.Tasks[j.ID] = of(j).usage()
		m.Usage += of(j).usage()
	}
	m.Available = s.Limit - m.Usage
	if s.others != nil {
		s.others(&m)
	}
	return m
}

func (s *simulation) correct() {
	act(s.ledger.correct(s.measure()), nil)
	for _, j := range slices.Clone(s.running) {
		if of(j).stopped {
			s.stops++
			if of(j).final {
				s.fail(j)
			} else {
				s.end(j, Outcome{Result: Again})
			}
		}
	}
}

// fail ends a job that does not fit.
func (s *simulation) fail(j *job) {
	s.Failed = append(s.Failed, j.ID)
	s.end(j, Outcome{Result: Failed})
}

// share shares the processors among the attempts that are not frozen.
func (s *simulation) share() {
	s.busy = s.busy[:0]
	for _, j := range s.running {
		if a := of(j); !a.frozen {
			s.busy = append(s.busy, a.busy())
		}
	}
	part := cpushare.Part(s.CPUs, s.busy)
	for _, j := range s.running {
		of(j).rate = cpushare.Rate(of(j).busy(), part)
	}
}

func (a *simulated) busy() float64 { return cmp.Or(a.Busy, 1) }

// untilNext is the time until the next measurement or the next end of a task.
func (s *simulation) untilNext() time.Duration {
	s.share()
	d := s.Step
	for _, j := range s.running {
		if a := of(j); !a.frozen {
			d = min(d, time.Duration(math.Ceil(float64(a.Takes-a.progress)/a.rate)))
		}
	}
	return max(d, 1)
}

// advance lets time pass, with the processors as they are shared.
func (s *simulation) advance(d time.Duration) {
	var needs memtools.Bytes
	for _, j := range s.running {
		needs += j.Need
	}
	s.needs = max(s.needs, needs)
	s.now = s.now.Add(d)
	for _, j := range slices.Clone(s.running) {
		a := of(j)
		if !a.frozen {
			a.progress += time.Duration(math.Ceil(float64(d) * a.rate))
		}
		if a.progress >= a.Takes {
			s.done++
			s.end(j, Outcome{})
		}
	}
}

// kill does what the kernel does when the limit is passed: it kills the largest. What is
// killed for memory runs alone the next time, and fails if it is killed then.
func (s *simulation) kill() {
	m := s.measure()
	s.Peak = max(s.Peak, m.Usage)
	if m.Usage <= s.Limit || len(s.running) == 0 {
		return
	}
	worst := slices.MaxFunc(s.running, func(a, b *job) int {
		return cmp.Or(cmp.Compare(m.Tasks[a.ID], m.Tasks[b.ID]), cmp.Compare(a.ID, b.ID))
	})
	s.kills++
	if len(s.running) == 1 {
		s.fail(worst)
		return
	}
	s.end(worst, Outcome{Result: Again, Need: m.Tasks[worst.ID] * 3 / 2, Alone: true})
}
