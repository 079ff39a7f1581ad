// Package schedule decides when tasks may start so that their order holds and
// their expected memory fits a budget. It never starts a process: it is given a
// function that runs one task, and waits for each that it started.
package schedule

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Job is one task as the scheduler sees it.
type Job struct {
	ID string
	// After are the IDs of the jobs that must succeed first.
	After []string
	// Need is the memory to reserve while it runs.
	Need memtools.Bytes
	// Length is how long it is expected to run. Zero means unknown.
	Length time.Duration
}

// Grant allows one attempt at a job.
type Grant struct {
	Job
	// Attempt counts from 1.
	Attempt int
}

// Outcome is how an attempt ended.
type Outcome int

// The outcomes.
const (
	Done   Outcome = iota // what depends on it may start
	Failed                // what depends on it is skipped
	Again                 // another attempt is wanted
)

// Options bound a run.
type Options struct {
	// Slots is how many jobs may run at once. Zero means 1.
	Slots int
	// Budget is what the needs of running jobs may add up to; it is asked at
	// each decision. Nil means that memory does not bound admission. One job may
	// always run, so that no run stands still.
	Budget func() memtools.Bytes
	// StopAtFailure starts nothing more once a job failed.
	StopAtFailure bool
	// Skipped is called from the loop for each job that will not run. Because is
	// the failed job that it depends on; empty where the run ended early.
	Skipped func(id, because string)
}

// Run runs the jobs, which must stand after those that they depend on, and
// returns when every job that it started has ended. Once ctx is done it starts
// nothing more; run is expected to end early by the same ctx. run is called on
// a goroutine of its own for each attempt.
func Run(ctx context.Context, jobs []Job, o Options, run func(context.Context, Grant) Outcome) {
	l := &loop{Options: o, run: run, ended: make(chan ending), running: map[string]Job{}, attempts: map[string]int{}, rank: map[string]int{}}
	l.plan(jobs)
	for {
		if ctx.Err() == nil && !l.stopped {
			l.start(ctx)
		}
		if len(l.running) == 0 {
			break
		}
		l.end(<-l.ended)
	}
	for _, j := range l.left() {
		l.skip(j.ID, "")
	}
}

// loop owns the state of one Run; only Run's goroutine touches it.
type loop struct {
	Options
	run func(context.Context, Grant) Outcome
	// ended carries each attempt's outcome; the attempts send, the loop receives
	// one for each that it started, and nobody closes it.
	ended    chan ending
	jobs     map[string]Job
	missing  map[string]int      // how many of a job's predecessors have not succeeded
	behind   map[string][]string // the jobs that wait for a job
	ready    []Job               // in the order in which they start
	running  map[string]Job
	attempts map[string]int
	rank     map[string]int // place in the order of starts
	stopped  bool
	reserved memtools.Bytes
}

type ending struct {
	id      string
	outcome Outcome
}

func (l *loop) plan(jobs []Job) {
	paths := longestPaths(jobs)
	l.jobs = make(map[string]Job, len(jobs))
	l.missing = make(map[string]int, len(jobs))
	l.behind = make(map[string][]string, len(jobs))
	order := slices.Clone(jobs)
	slices.SortStableFunc(order, func(a, b Job) int { return cmp.Compare(paths[b.ID], paths[a.ID]) })
	for n, j := range order {
		l.jobs[j.ID] = j
		l.rank[j.ID] = n
		l.missing[j.ID] = len(j.After)
		for _, a := range j.After {
			l.behind[a] = append(l.behind[a], j.ID)
		}
		if len(j.After) == 0 {
			l.ready = append(l.ready, j)
		}
	}
}

func (l *loop) start(ctx context.Context) {
	have := load{running: len(l.running), reserved: l.reserved, slots: max(l.Slots, 1)}
	if l.Budget != nil {
		have.budget = l.Budget()
	}
	n := admit(l.ready, have)
	for _, j := range l.ready[:n] {
		l.running[j.ID] = j
		l.reserved += j.Need
		l.attempts[j.ID]++
		grant := Grant{Job: j, Attempt: l.attempts[j.ID]}
		go func() { l.ended <- ending{j.ID, l.run(ctx, grant)} }()
	}
	l.ready = slices.Delete(l.ready, 0, n)
}

func (l *loop) end(e ending) {
	j := l.running[e.id]
	delete(l.running, e.id)
	l.reserved -= j.Need
	switch e.outcome {
	case Again:
		l.makeReady(j)
	case Done:
		delete(l.jobs, e.id)
		for _, id := range l.behind[e.id] {
			if l.missing[id]--; l.missing[id] == 0 {
				if next, ok := l.jobs[id]; ok {
					l.makeReady(next)
				}
			}
		}
	case Failed:
		delete(l.jobs, e.id)
		l.stopped = l.stopped || l.StopAtFailure
		l.skipBehind(e.id, e.id)
	}
}

// makeReady puts j into the ready jobs at its place in the order of starts.
func (l *loop) makeReady(j Job) {
	at, _ := slices.BinarySearchFunc(l.ready, j, func(a, b Job) int { return cmp.Compare(l.rank[a.ID], l.rank[b.ID]) })
	l.ready = slices.Insert(l.ready, at, j)
}

func (l *loop) skipBehind(id, because string) {
	for _, next := range l.behind[id] {
		if _, ok := l.jobs[next]; ok {
			l.skip(next, because)
			l.skipBehind(next, because)
		}
	}
}

func (l *loop) skip(id, because string) {
	delete(l.jobs, id)
	if l.Skipped != nil {
		l.Skipped(id, because)
	}
}

// left returns the jobs that neither ran nor were skipped, in order of start.
func (l *loop) left() []Job {
	var jobs []Job
	for _, j := range l.jobs {
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(l.rank[a.ID], l.rank[b.ID]) })
	return jobs
}
