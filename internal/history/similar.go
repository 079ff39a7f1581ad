package history

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// group is what makes tasks alike: the target, and the tool that it runs.
type group struct{ target, tool string }

// point is what one task says about those alike.
type point struct {
	task    string
	sources memtools.Bytes
	peak    memtools.Bytes
	length  time.Duration
	cores   float64
	proven  bool // a run succeeded
}

// similar holds the points of each group, by ascending sources. The zero value
// is made whole when a group is first asked for.
type similar struct {
	points map[group][]point
	of     map[string]group // the group of each task that has a point
}

// to returns the points of the tasks that run tool for the same target, without
// the task itself.
func (s *similar) to(h *held, task, tool string) []point {
	if tool == "" {
		return nil
	}
	if s.points == nil {
		s.points, s.of = map[group][]point{}, map[string]group{}
		for name := range h.tasks {
			if g, p, ok := h.point(name); ok {
				s.points[g] = append(s.points[g], p)
				s.of[name] = g
			}
		}
		for _, ps := range s.points {
			slices.SortFunc(ps, point.compare)
		}
	}
	g := group{target(task), tool}
	if s.of[task] == g {
		return slices.DeleteFunc(slices.Clone(s.points[g]), func(p point) bool { return p.task == task })
	}
	return s.points[g]
}

// update renews the point of one task.
func (s *similar) update(h *held, task string) {
	if s.points == nil {
		return
	}
	if g, ok := s.of[task]; ok {
		s.points[g] = slices.DeleteFunc(s.points[g], func(p point) bool { return p.task == task })
		delete(s.of, task)
	}
	if g, p, ok := h.point(task); ok {
		at, _ := slices.BinarySearchFunc(s.points[g], p, point.compare)
		s.points[g] = slices.Insert(s.points[g], at, p)
		s.of[task] = g
	}
}

func (p point) compare(q point) int {
	return cmp.Or(cmp.Compare(p.sources, q.sources), cmp.Compare(p.task, q.task))
}

// point returns what task says about those alike. A task that never succeeded
// nor was cut off by memory says nothing.
func (h *held) point(task string) (group, point, bool) {
	var buf [Kept]Sample
	own := h.samples(buf[:0], task)
	i := len(own) - 1
	for ; i >= 0; i-- {
		if own[i].Tool != "" && own[i].Outcome != Failed {
			break
		}
	}
	if i < 0 {
		return group{}, point{}, false
	}
	f := look(own, own[i].Tool)
	p := point{task: task, length: f.length(), cores: f.cores(), proven: f.successes > 0}
	for _, x := range f.seen {
		if x.Tool != own[i].Tool || x.Outcome == Failed {
			continue
		}
		peak := x.Peak
		if x.cut {
			peak = whole(float64(peak) * raise)
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

const (
	// enough tasks alike for a line through them.
	enough = 3
	// nearest is how many of them make it, those of the nearest size.
	nearest = 24
	// upper is the part of the tasks alike whose peak a cold need covers, before
	// the margin.
	upper = 0.9
	// share of the budget, and the most, that a task of which nothing is known
	// is given.
	share   = 5
	unknown = memtools.GB
)

// Unknown is what to expect of a task of which nothing is known. A budget of zero
// is unknown as well.
func Unknown(budget memtools.Bytes) Prediction {
	need := unknown
	if budget > 0 {
		need = min(need, max(budget/share, extra))
	}
	return Prediction{Need: need, Basis: FromNothing}
}

// predictCold answers q from packages alike, or from nothing.
func predictCold(points []point, q Question) Prediction {
	if len(points) == 0 {
		return Unknown(q.Budget)
	}
	points = closest(points, q.Sources)
	p := Prediction{Basis: FromSimilar, Samples: len(points)}
	var least, most memtools.Bytes
	var cores []float64
	for i, x := range points {
		if i == 0 || x.peak < least {
			least = x.peak
		}
		most = max(most, x.peak)
		p.Length = max(p.Length, x.length)
		if x.cores > 0 {
			cores = append(cores, x.cores)
		}
	}
	p.Cores = median(cores)
	peak := float64(most)
	if line, ok := fitPeaks(points, q.Sources); ok {
		// Beyond the largest that was seen a line is a guess.
		peak = min(max(line.at(q.Sources, upper), float64(least)), believed*float64(most))
		p.Samples = line.n
	}
	if line, ok := fitLengths(points, q.Sources); ok {
		p.Length = min(max(0, time.Duration(line.at(q.Sources, 0.5))), believed*p.Length)
	}
	p.Need = whole(peak*margin + float64(extra))
	if slices.ContainsFunc(points, func(x point) bool { return x.proven }) {
		p.Peak = whole(peak)
	}
	return p
}

// many is how many tasks alike are looked at, those of the nearest size, so that
// a prediction costs the same in a large workspace.
const many = 4 * nearest

// closest returns the points around a size of sources; of an unknown size it
// returns the largest.
func closest(points []point, sources memtools.Bytes) []point {
	if len(points) <= many {
		return points
	}
	at := len(points)
	if sources > 0 {
		at, _ = slices.BinarySearchFunc(points, sources, func(p point, s memtools.Bytes) int { return cmp.Compare(p.sources, s) })
	}
	from := min(max(0, at-many/2), len(points)-many)
	return points[from : from+many]
}

func fitPeaks(points []point, sources memtools.Bytes) (line, bool) {
	return fit(points, sources, func(p point) float64 { return float64(p.peak) })
}

func fitLengths(points []point, sources memtools.Bytes) (line, bool) {
	return fit(points, sources, func(p point) float64 { return float64(p.length) })
}

// line is a robust fit of a figure over the size of the sources.
type line struct {
	base, slope float64
	rest        []float64 // the residuals, sorted
	n           int
}

// fit draws the line of Theil and Sen, with the median of the slopes between
// all pairs, through the points nearest in size: up to 29 % of them may be
// outliers. A slope below zero counts as none. It is false where the
// sources are unknown or too few points have the figure.
func fit(points []point, sources memtools.Bytes, figure func(point) float64) (line, bool) {
	if sources <= 0 {
		return line{}, false
	}
	usable := func(p point) bool { return p.sources > 0 && figure(p) > 0 }
	at, _ := slices.BinarySearchFunc(points, sources, func(p point, s memtools.Bytes) int { return cmp.Compare(p.sources, s) })
	low, high := at, at
	var near []point
	for len(near) < nearest && (low > 0 || high < len(points)) {
		// The next one is that of the nearer size.
		if high == len(points) || low > 0 && sources-points[low-1].sources <= points[high].sources-sources {
			low--
			if usable(points[low]) {
				near = append(near, points[low])
			}
			continue
		}
		if usable(points[high]) {
			near = append(near, points[high])
		}
		high++
	}
	if len(near) < enough {
		return line{}, false
	}
	var slopes []float64
	for i, p := range near {
		for _, q := range near[:i] {
			if p.sources != q.sources {
				slopes = append(slopes, (figure(p)-figure(q))/float64(p.sources-q.sources))
			}
		}
	}
	l := line{slope: max(0, median(slopes)), n: len(near)}
	for _, p := range near {
		l.rest = append(l.rest, figure(p)-l.slope*float64(p.sources))
	}
	l.base = median(l.rest) // sorts
	for i := range l.rest {
		l.rest[i] -= l.base
	}
	return l, true
}

// at is the figure for sources which the part q of the points does not pass.
func (l line) at(sources memtools.Bytes, q float64) float64 {
	i := int(math.Ceil(q*float64(len(l.rest)))) - 1
	return l.base + l.slope*float64(sources) + l.rest[min(max(i, 0), len(l.rest)-1)]
}
