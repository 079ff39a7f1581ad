// Package shard divides the tasks of a run among machines of a CI system that begin at once and do
// not wait for each other. Each of them can build its tasks alone: what they come after and is not
// known is built again where it is needed. How long a machine takes is told by the scheduler, in
// simulated time.
//
// The same tasks and runners give the same plan, byte for byte. The plan is never slower than one
// runner would be. It is not always the fastest one: that would take longer to find than to build.
// It takes some milliseconds for fifty tasks, and some seconds for five thousand.
package shard

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Most is how many shards there can be. GitHub takes 256 jobs of a matrix, GitLab 200.
const Most = 200

// Task is a task of the run that is divided.
type Task struct {
	ID string
	// After are the IDs of the tasks whose results it needs. They are built or fetched wherever
	// it runs.
	After []string
	// Follows are the IDs of further tasks that must have ended first if they run in the same
	// shard.
	Follows []string
	// Wanted is set if it was asked for itself, and not only because others come after it.
	Wanted bool
	// Need is the memory to reserve for it, and Peak what it is expected to take; zero means
	// that Peak is unknown, and Need stands for both. Guessed is set if Need comes from no run
	// of its own.
	Need, Peak memtools.Bytes
	Guessed    bool
	// Length is how long it runs. It must be positive. Cores is how many processors it keeps
	// busy; zero means unknown, and counts as 1.
	Length time.Duration
	Cores  float64
	// Known is set if its result is, so that it is fetched and not built. Size is how many bytes
	// it then has.
	Known bool
	Size  memtools.Bytes
}

// Runner is a kind of machine.
type Runner struct {
	// Label is what the CI system calls it. It may be empty.
	Label string `json:"label,omitempty"`
	// Memory is what it has, and Budget what a run may use of that.
	Memory memtools.Bytes `json:"memory"`
	Budget memtools.Bytes `json:"budget"`
	// CPUs is how many processors it has. Less than 1 counts as 1.
	CPUs float64 `json:"cpus"`
	// Slots is how many tasks may run at once. Zero means as many as fit.
	Slots int `json:"slots,omitempty"`
}

func (r Runner) String() string {
	if r.CPUs == 1 {
		return r.Memory.Short() + " and 1 processor"
	}
	return fmt.Sprintf("%s and %g processors", r.Memory.Short(), r.CPUs)
}

// Request is what there is to divide.
type Request struct {
	// Tasks stand behind those that they come after. What they name beside those of the list
	// does not count.
	Tasks []Task
	// Runners is how many runners there may be, from 1 to Most.
	Runners int
	Runner  Runner
	// Larger is for tasks that need more memory than Runner has. Nil means that there is none.
	Larger *Runner
	// Setup is how long a runner takes before its first task begins.
	Setup time.Duration
}

// Shard is the part of one runner.
type Shard struct {
	Runner Runner `json:"runner"`
	// Tasks are those that are the shard's own: each task that is to run is in one shard. Also
	// are others that they need: they are fetched if they are known, else built here as well.
	// Both are in the order of the request.
	Tasks []string `json:"tasks"`
	Also  []string `json:"also"`
	// Time is how long it takes in simulation, and Peak what it uses there, both without the
	// set-up.
	Time time.Duration  `json:"time"`
	Peak memtools.Bytes `json:"peak"`
}

// Division is how the tasks are divided.
type Division struct {
	// Shards are those of the larger runners first, then the longest first. There is none if
	// all is known.
	Shards []Shard
	// Alone is how long one runner would take, without its set-up.
	Alone time.Duration
	// Tried is what some numbers of shards come to, the fewest first.
	Tried []Trial
}

// Trial is what a number of shards comes to.
type Trial struct {
	Shards int
	// Wall is the time of the longest shard with its set-up, and Machines the sum of all shards.
	Wall, Machines time.Duration
}

// worth is how many seconds of a runner a second is worth that people wait. With it, a build of ten
// minutes and a set-up of 40 s is divided among up to eight runners, and one of a minute among two.
const worth = 4

// cost is what decides how many shards there are: set-ups, and what is built more than once, count.
func (t Trial) cost() float64 { return worth*t.Wall.Seconds() + t.Machines.Seconds() }

// Divide divides the tasks. The error names tasks that fit no runner.
func Divide(r Request) (*Division, error) {
	p, err := newDivider(r)
	if err != nil {
		return nil, err
	}
	if len(p.sinks) == 0 {
		return &Division{}, nil
	}
	best := p.single()
	d := &Division{Alone: best.trial().Wall - r.Setup, Tried: []Trial{best.trial()}}
	for _, a := range p.arrangements() {
		p.refine(a)
		d.Tried = append(d.Tried, a.trial())
		if a.trial().cost() < best.trial().cost() {
			best = a
		}
	}
	slices.SortStableFunc(d.Tried, func(a, b Trial) int { return cmp.Compare(a.Shards, b.Shards) })
	d.Shards = best.shards()
	return d, nil
}

// tooLarge is the error for tasks that fit no runner.
func tooLarge(tasks []Task, r Request) error {
	var names []string
	largest := tasks[0].Need
	for _, t := range tasks {
		names = append(names, fmt.Sprintf("%s (%s)", t.ID, t.Need.Short()))
		largest = max(largest, t.Need)
	}
	than, hint := fmt.Sprintf("-memory=%s allows, which leaves a run %s", r.Runner.Memory.Short(), r.Runner.Budget.Short()), ""
	if r.Larger != nil {
		than = fmt.Sprintf("the runner of -larger has, which leaves a run %s", r.Larger.Budget.Short())
	} else {
		hint = "name a larger runner for them, such as -larger=LABEL:64GB:16; "
	}
	return &problem.Error{Where: problem.ShortList(names, 3), What: "needs more memory than " + than,
		Hint: hint + "memory:history tells what tasks took"}
}
