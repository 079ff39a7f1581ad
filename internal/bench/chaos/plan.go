//go:build linux

package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/shape"
	"github.com/heapmage/heapmage/memtools"
)

// plan is what a seed stands for.
type plan struct {
	seed   uint64
	limit  memtools.Bytes // of the cgroup that holds everything
	known  bool           // heapmage is told what each task needs
	builds []build        // they run at the same time, each in its own workspace
	faults []fault
}

// build is one workspace, and how it is built.
type build struct {
	target      string
	concurrency int
	suspend     bool // onPressure: suspend
	delay       time.Duration
	tasks       []task
}

// task is one package and its build script.
type task struct {
	name   string
	after  []string // names of earlier tasks
	shape  shape.Shape
	exit   int  // a failure that is to be reported
	huge   bool // it does not fit
	chatty bool // it prints much
	leaves bool // it leaves a process running
}

// fault is harm that is done to a build at a moment after its start.
type fault struct {
	kind    Kind
	build   int
	at      time.Duration
	lasting time.Duration
	task    string // for KillTask, at counted from the moment when it is seen
	size    memtools.Bytes
	jump    time.Duration // for Clock
}

const (
	// reserve is what heapmage leaves free in the limits that plans have, or more,
	// together with what it needs itself.
	reserve = 160 * memtools.MB
	// restartWindow is how long it may take until a killed reaper is replaced.
	restartWindow = 2 * time.Second
	foreignRate   = 60 * memtools.MB
	// calm is how fast memory grows at most in most plans.
	calm = 300 * memtools.MB
)

// room is the most that a task may need to fit alone, with a margin.
func room(limit memtools.Bytes) memtools.Bytes { return megabytes((limit - reserve) * 8 / 10) }

// draw returns the plan of a seed. In most plans memory grows calmly; the faster ones
// are there to see what happens.
func draw(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	p := plan{seed: seed, limit: between(r, 400, 1000) * memtools.MB, known: r.IntN(3) == 0}
	count := 1
	if r.IntN(5) == 0 {
		count = 2
	}
	fast := r.IntN(4) == 0
	for i := range count {
		b := build{target: "build", concurrency: 2 + r.IntN(3), suspend: r.IntN(6) == 0}
		if r.IntN(10) == 0 {
			b.target = "build:managed"
		}
		if i > 0 {
			b.delay = moment(r, 0, 2*time.Second)
		}
		each := (calm - foreignRate) / memtools.Bytes(count*b.concurrency)
		if fast {
			each = between(r, 1, 20) * 100 * memtools.MB
		}
		b.tasks = drawTasks(r, fmt.Sprintf("w%d-", i), room(p.limit), each)
		p.builds = append(p.builds, b)
	}
	p.faults = drawFaults(r, p)
	return p
}

// drawTasks returns a random graph of tasks that take up to most, each growing by up
// to rate.
func drawTasks(r *rand.Rand, prefix string, most, rate memtools.Bytes) (all []task) {
	for i := range 3 + r.IntN(6) {
		t := task{name: fmt.Sprintf("%sp%d", prefix, i), chatty: r.IntN(6) == 0, leaves: r.IntN(8) == 0}
		for j := range i {
			if r.IntN(4) == 0 {
				t.after = append(t.after, all[j].name)
			}
		}
		t.shape = drawShape(r, most, rate)
		switch r.IntN(24) {
		case 0:
			t.exit = 7
		case 1:
			t.huge = true
			t.shape.Kind, t.shape.Size, t.shape.Rate = shape.Grow, 3*most, max(t.shape.Rate, megabytes(most/4))
		}
		all = append(all, t)
	}
	return all
}

func drawShape(r *rand.Rand, most, rate memtools.Bytes) shape.Shape {
	share := between(r, 20, 100)
	s := shape.Shape{
		Kind:  shape.Kinds[r.IntN(len(shape.Kinds))],
		Size:  max(memtools.MB, share*share*most/10000), // more small ones than large ones
		Rate:  max(memtools.MB, between(r, 70, 100)*rate/100),
		Times: 2 + r.IntN(4),
		Hold:  moment(r, 0, 500*time.Millisecond),
	}
	if s.Kind == shape.Node {
		s.Rate = max(memtools.MB, s.Rate/2)
	}
	if s.Kind == shape.Saw {
		s.Size /= 2 // it takes a while
	}
	if over := s.Peak() - most; over > 0 {
		s.Size = max(memtools.MB, s.Size-over)
		if s.Kind == shape.Node {
			s.Size = max(memtools.MB, s.Size-over/2)
		}
	}
	s.Size, s.Rate = megabytes(s.Size), megabytes(s.Rate)
	return s
}

// drawFaults returns up to three faults that do not exclude each other.
func drawFaults(r *rand.Rand, p plan) (all []fault) {
	kinds := slices.DeleteFunc(slices.Clone(allKinds), func(k Kind) bool { return k == Neighbour })
	for range 1 + r.IntN(3) {
		f := fault{kind: kinds[r.IntN(len(kinds))], build: r.IntN(len(p.builds)),
			at: moment(r, 0, 4*time.Second), lasting: moment(r, 300*time.Millisecond, 6*time.Second)}
		b := p.builds[f.build]
		switch f.kind {
		case KillTask:
			f.task, f.at = b.tasks[r.IntN(len(b.tasks))].name, f.at/8
		case KillBoth:
			f.lasting /= 2 // between the two
		case Foreign:
			f.size = p.limit - reserve - p.largest()
		case Squeeze:
			f.size = p.limit - reserve - p.largest()/2
		default: // nothing more to say
		}
		if !slices.ContainsFunc(all, func(other fault) bool { return excludes(other, f) }) {
			all = append(all, f)
		}
	}
	return all
}

// ends are the faults that end a build.
var ends = []Kind{KillHeapmage, KillBoth, Interrupt, Terminate}

// excludes reports whether two faults cannot be done to the same build.
func excludes(a, b fault) bool {
	takes := []Kind{Foreign, Squeeze}
	if slices.Contains(takes, a.kind) && slices.Contains(takes, b.kind) {
		return true
	}
	if a.build != b.build {
		return false
	}
	disk := []Kind{FullDisk, Wipe, Lock}
	return a.kind == b.kind || slices.Contains(ends, a.kind) && slices.Contains(ends, b.kind) ||
		slices.Contains(disk, a.kind) && slices.Contains(disk, b.kind) ||
		a.kind == KillReaper && b.kind == KillBoth || a.kind == KillBoth && b.kind == KillReaper
}

// inMachine is the plan with programs that need neither Node nor a disk, and with a clock
// that is set.
func (p plan) inMachine() plan {
	for _, b := range p.builds {
		for i := range b.tasks {
			if s := &b.tasks[i].shape; s.Kind == shape.Node || s.Kind == shape.File {
				s.Kind, s.Size = shape.Grow, min(s.Size, room(p.limit)-8*memtools.MB)
			}
		}
	}
	r := rand.New(rand.NewPCG(p.seed, 1))
	p.faults = append(p.faults, fault{kind: Clock, at: moment(r, 0, 4*time.Second), lasting: moment(r, 300*time.Millisecond, 6*time.Second),
		jump: moment(r, -48*time.Hour, 48*time.Hour)})
	return p
}

// without removes faults. The second build goes if it is one of them.
func (p plan) without(kinds []Kind) plan {
	p.faults = slices.DeleteFunc(slices.Clone(p.faults), func(f fault) bool { return slices.Contains(kinds, f.kind) })
	if slices.Contains(kinds, Neighbour) && len(p.builds) > 1 {
		p.builds = p.builds[:1]
		p.faults = slices.DeleteFunc(p.faults, func(f fault) bool { return f.build > 0 })
	}
	return p
}

// largest is the peak of the largest task that fits alone.
func (p plan) largest() (most memtools.Bytes) {
	for _, b := range p.builds {
		for _, t := range b.tasks {
			if !t.huge {
				most = max(most, t.shape.Peak())
			}
		}
	}
	return most
}

// rate is how fast memory can grow if the fastest tasks run together.
func (p plan) rate() (sum memtools.Bytes) {
	for _, b := range p.builds {
		var all []memtools.Bytes
		for _, t := range b.tasks {
			all = append(all, t.shape.Speed())
		}
		slices.Sort(all)
		slices.Reverse(all)
		slots := b.concurrency
		if b.target == "build:managed" {
			slots = 1
		}
		for _, speed := range all[:min(slots, len(all))] {
			sum += speed
		}
	}
	for _, f := range p.faults {
		if f.kind == Foreign || f.kind == Squeeze {
			sum += foreignRate
		}
	}
	return sum
}

// has reports whether one of these faults is done to a build.
func (p plan) has(build int, kinds ...Kind) bool {
	return slices.ContainsFunc(p.faults, func(f fault) bool { return f.build == build && slices.Contains(kinds, f.kind) })
}

// String is the plan in one line.
func (p plan) String() string {
	var parts []string
	for i, b := range p.builds {
		parts = append(parts, fmt.Sprintf("%s of %d tasks", b.target, len(b.tasks)))
		for _, f := range p.faults {
			if f.build == i {
				parts = append(parts, string(f.kind))
			}
		}
	}
	needs := "needs unknown"
	if p.known {
		needs = "needs known"
	}
	return fmt.Sprintf("%d MB, up to %d MB/s, %s: %s", p.limit/memtools.MB, p.rate()/memtools.MB, needs, strings.Join(parts, ", "))
}

// megabytes rounds down.
func megabytes(b memtools.Bytes) memtools.Bytes { return b / memtools.MB * memtools.MB }

func between(r *rand.Rand, low, high int) memtools.Bytes {
	return memtools.Bytes(low + r.IntN(high-low+1))
}

func moment(r *rand.Rand, low, high time.Duration) time.Duration {
	return (low + time.Duration(r.Int64N(int64(high-low)))).Round(time.Millisecond)
}
