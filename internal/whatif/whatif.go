// Package whatif tells how long a run would have taken with other memory, more processors or a
// shorter package: what each task took goes through the scheduler again, in simulated time.
//
// What is simulated for a recorded run, on its machine or with other memory, was within 7 % of what
// two dozen real runs took, mostly within 2 %; of a first run, whose needs are guessed, up to a third
// off. With more processors it is a guide: on a machine that other programs used as well, twice as many
// were promised to save up to a sixth more than they did. Not simulated are garbage collections,
// attempts that were repeated, and that a program may use more processors than there were. If
// others kept the processors busy, more of them seem to be of less use.
package whatif

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools"
)

// ran is what a task of a run took.
type ran struct {
	ID string
	// After are the IDs of the tasks that must succeed first. Others than those of the run do
	// not count.
	After []string
	// Need is what was reserved for it. Guessed is set if that did not come from its own runs,
	// and Unknown if it did not come from those of similar packages either: then its length and
	// its processors were not known.
	Need             memtools.Bytes
	Guessed, Unknown bool
	// Peak is what it took.
	Peak memtools.Bytes
	// Start is when it started, in the time of the run, and Duration how long it ran then,
	// without pauses. CPU is its processor time.
	Start, Duration, CPU time.Duration
}

// machine is where a run took place.
type machine struct {
	CPUs float64
	// Budget is the memory that the run might use. It must be positive.
	Budget memtools.Bytes
	// Own is what the run used beside its tasks.
	Own memtools.Bytes
	// Concurrency is how many tasks might run at once. Zero means as many as fit.
	Concurrency int
}

// Answer is how long a run would have taken.
type Answer struct {
	// Change is what would have been different, such as "8 processors"; empty for the run as
	// it was.
	Change string
	// Wall is the time from the start of the first task to the end of the last.
	Wall time.Duration
	// Fails are the IDs of the tasks that would not have fitted. Then Wall is zero.
	Fails []string
}

// ask simulates a run as it was, and then each change. Each task must stand behind those that it
// depends on. It takes a few milliseconds for a hundred tasks, and a second for five
// thousand. Without a budget or tasks there is no answer, nor with more than mostTasks.
func ask(tasks []ran, m machine) []Answer {
	if len(tasks) == 0 || len(tasks) > mostTasks || m.Budget <= 0 {
		return nil
	}
	if !(m.CPUs >= 1) { // nor is it a number, perhaps
		m.CPUs = 1
	}
	m.CPUs, m.Budget, m.Own = min(m.CPUs, 1024), min(m.Budget, largest), min(max(m.Own, 0), m.Budget/2)
	tasks = bounded(tasks, m.CPUs)
	works := worksOf(tasks, m.CPUs)
	answers := []Answer{m.answer("", works)}
	if slices.ContainsFunc(tasks, func(t ran) bool { return t.Guessed }) {
		for i := range works {
			works[i].Need = estimate.NeedFor(works[i].Peak)
			believe(&works[i].Job, tasks[i])
		}
		answers = append(answers, m.answer("again, now that the needs are known", works))
	}
	ask := func(change string, m machine) { answers = append(answers, m.answer(change, works)) }
	if m.Concurrency > 0 {
		free := m
		free.Concurrency = 0
		ask("as many at once as fit", free)
	}
	for _, c := range []struct {
		text  string
		times float64
	}{{"half the memory", 0.5}, {"twice the memory", 2}} {
		other := m
		other.Budget = memtools.Bytes(float64(m.Budget) * c.times)
		ask(fmt.Sprintf("%s, %s", c.text, other.Budget.Short()), other)
	}
	for _, cpus := range []float64{4, 8, 16} {
		if cpus != m.CPUs {
			other := m
			other.CPUs = cpus
			ask(fmt.Sprintf("%g processors", cpus), other)
		}
	}
	slowest := slices.MaxFunc(works, func(a, b schedule.Work) int { return cmp.Compare(a.Takes, b.Takes) })
	halved := slices.Clone(works)
	for i := range halved {
		if w := &halved[i]; w.ID == slowest.ID {
			w.Takes, w.Length = w.Takes/2, w.Length/2
		}
	}
	return append(answers, m.answer(slowest.ID+" in half the time", halved))
}

// mostTasks bounds the tasks that are simulated: four times as many take sixteen times as long.
const mostTasks = 5_000

// step is the least time between two simulated measurements, and mostSteps about how many there
// are while all tasks run one at a time.
const (
	step      = 250 * time.Millisecond
	mostSteps = 50_000
)

// rise is the part of its time in which a task reaches its peak, for want of anything better.
const rise = 0.8

func (m machine) answer(change string, works []schedule.Work) Answer {
	w := schedule.World{
		CPUs: m.CPUs, Slots: m.Concurrency, Budget: m.Budget, Own: m.Own,
		// What is kept free below the limit, as package budget has it.
		Limit: max(m.Budget+128*memtools.MB, m.Budget+m.Budget/19),
	}
	run := Paced(w, works, step, mostSteps).Run(works)
	if len(run.Failed) > 0 {
		return Answer{Change: change, Fails: run.Failed}
	}
	return Answer{Change: change, Wall: run.Wall}
}

// Paced returns a world with a Step of at least least, so that there are about most steps while all
// works run one at a time. A simulation takes the longer the more there are.
func Paced(w schedule.World, works []schedule.Work, least time.Duration, most int) schedule.World {
	all := 0.0
	for _, work := range works {
		all += float64(work.Takes) * max(1, work.Busy/max(1, w.CPUs))
	}
	w.Step = max(least, time.Duration(all/float64(most)))
	return w
}

// believe has a job's estimate be what the run showed of it, beside others: that is what the
// history has, and the scheduler goes by.
func believe(j *schedule.Job, t ran) {
	j.Length, j.Cores = t.Duration, t.CPU.Seconds()/t.Duration.Seconds()
}

// worksOf returns the tasks as works.
func worksOf(tasks []ran, cpus float64) []schedule.Work {
	works := make([]schedule.Work, len(tasks))
	there := map[string]bool{}
	for i, a := range alone(tasks, cpus) {
		t := tasks[i]
		job := schedule.Job{ID: t.ID, Estimate: schedule.Estimate{Need: t.Need}}
		for _, id := range t.After {
			if there[id] {
				job.After = append(job.After, id)
			}
		}
		there[t.ID] = true
		if !t.Unknown {
			believe(&job, t)
		}
		works[i] = schedule.Work{Job: job, Peak: t.Peak, Takes: a.takes, Busy: a.busy, Rise: rise}
	}
	return works
}
