package estimate

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Peers is what the tasks of a workspace show about others like them. Nil knows
// no task. It is not safe for concurrent use.
type Peers struct {
	points map[group][]point // by ascending sources
	of     map[string]group  // the group of each task that has a point
}

// group is what makes tasks alike: the target, and the tool that it runs.
type group struct{ target, tool string }

// point is what one task shows about those like it.
type point struct {
	task    string
	sources memtools.Bytes
	peak    memtools.Bytes
	length  time.Duration
	cores   float64
	proven  bool // a run succeeded
}

// NewPeers reads the samples of each task, the oldest first. It keeps none of
// the slices.
func NewPeers(tasks iter.Seq2[string, []Sample]) *Peers {
	p := &Peers{points: map[group][]point{}, of: map[string]group{}}
	for task, own := range tasks {
		if g, x, ok := pointOf(task, own); ok {
			p.points[g] = append(p.points[g], x)
			p.of[task] = g
		}
	}
	for _, points := range p.points {
		slices.SortFunc(points, point.compare)
	}
	return p
}

// Set replaces what one task shows; own is all its samples, the oldest first.
func (p *Peers) Set(task string, own []Sample) {
	if p == nil {
		return
	}
	if g, ok := p.of[task]; ok {
		p.points[g] = slices.DeleteFunc(p.points[g], func(x point) bool { return x.task == task })
		delete(p.of, task)
	}
	if g, x, ok := pointOf(task, own); ok {
		at, _ := slices.BinarySearchFunc(p.points[g], x, point.compare)
		p.points[g] = slices.Insert(p.points[g], at, x)
		p.of[task] = g
	}
}

// like returns the points of the tasks that run tool for the same target,
// without the task itself.
func (p *Peers) like(task, tool string) []point {
	if p == nil || tool == "" {
		return nil
	}
	g := group{target(task), tool}
	if p.of[task] == g {
		return slices.DeleteFunc(slices.Clone(p.points[g]), func(x point) bool { return x.task == task })
	}
	return p.points[g]
}

func (x point) compare(y point) int {
	return cmp.Or(cmp.Compare(x.sources, y.sources), cmp.Compare(x.task, y.task))
}

// pointOf returns what a task shows about those like it. It returns false if the
// task has neither succeeded nor been cut off by memory.
func pointOf(task string, own []Sample) (group, point, bool) {
	i := len(own) - 1
	for ; i >= 0; i-- {
		if own[i].Tool != "" && own[i].Outcome != Failed {
			break
		}
	}
	if i < 0 {
		return group{}, point{}, false
	}
	e := weigh(own, own[i].Tool)
	p := point{task: task, length: e.length(), cores: e.cores(), proven: e.successes > 0}
	for _, x := range e.runs {
		if x.Tool != own[i].Tool || x.Outcome == Failed {
			continue
		}
		peak := x.Peak
		if x.cut {
			peak = RetryNeed(peak)
		}
		p.peak = max(p.peak, peak)
		if p.sources == 0 {
			p.sources = x.Sources
		}
	}
	return group{target(task), own[i].Tool}, p, p.peak > 0
}

// target is the script of a task: "build" of "core#build".
func target(task string) string {
	if _, script, ok := strings.Cut(task, "#"); ok {
		return script
	}
	return task
}
