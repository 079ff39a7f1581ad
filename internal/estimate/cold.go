package estimate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

const (
	// minPoints is how many tasks it takes to draw a line through them, maxPoints
	// how many of the nearest size are used.
	minPoints = 3
	maxPoints = 24
	// maxPeers is how many tasks of the nearest size are looked at, so that a
	// prediction costs the same in a large workspace.
	maxPeers = 4 * maxPoints
	// coldQuantile is the part of the similar tasks whose peak a need covers,
	// before the margin.
	coldQuantile = 0.9
)

// predictCold answers q from similar packages, or from nothing.
func predictCold(points []point, q Question) Prediction {
	if len(points) == 0 {
		return unknown(q.Budget)
	}
	points = closest(points, q.Sources)
	p := Prediction{Basis: FromSimilar, Samples: len(points)}
	least, most := points[0].peak, points[0].peak
	var cores []float64
	for _, x := range points {
		least, most = min(least, x.peak), max(most, x.peak)
		p.Length = max(p.Length, x.length)
		if x.cores > 0 {
			cores = append(cores, x.cores)
		}
	}
	p.Cores = median(cores)
	peak := float64(most)
	if line, ok := fitPeaks(points, q.Sources); ok {
		// Beyond the largest task a line is a guess.
		peak = min(max(line.at(q.Sources, coldQuantile), float64(least)), maxGrowth*float64(most))
		p.Samples = line.n
	}
	if line, ok := fitLengths(points, q.Sources); ok {
		p.Length = min(max(0, time.Duration(line.at(q.Sources, 0.5))), maxGrowth*p.Length)
	}
	p.Need = roundUp(withMargin(peak))
	if slices.ContainsFunc(points, func(x point) bool { return x.proven }) {
		p.Peak = roundUp(peak)
	}
	return p
}

// closest returns the points around a size of sources. If the size is unknown it
// returns the largest ones.
func closest(points []point, sources memtools.Bytes) []point {
	if len(points) <= maxPeers {
		return points
	}
	at := len(points)
	if sources > 0 {
		at = searchSources(points, sources)
	}
	from := min(max(0, at-maxPeers/2), len(points)-maxPeers)
	return points[from : from+maxPeers]
}

func searchSources(points []point, sources memtools.Bytes) int {
	at, _ := slices.BinarySearchFunc(points, sources, func(p point, s memtools.Bytes) int { return cmp.Compare(p.sources, s) })
	return at
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

// fit draws the Theil–Sen line through the points nearest in size: its slope is
// the median of the slopes between all pairs, so up to 29 % of the points may be
// outliers (Sen 1968). A negative slope counts as none. It returns false if the
// sources are unknown or too few points have the figure.
func fit(points []point, sources memtools.Bytes, figure func(point) float64) (line, bool) {
	if sources <= 0 {
		return line{}, false
	}
	near := nearest(points, sources, func(p point) bool { return p.sources > 0 && figure(p) > 0 })
	if len(near) < minPoints {
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

// nearest returns up to maxPoints usable points, going outwards from a size of
// sources.
func nearest(points []point, sources memtools.Bytes, usable func(point) bool) []point {
	var near []point
	high := searchSources(points, sources)
	low := high - 1
	for len(near) < maxPoints && (low >= 0 || high < len(points)) {
		var next point
		if high == len(points) || low >= 0 && sources-points[low].sources <= points[high].sources-sources {
			next = points[low]
			low--
		} else {
			next = points[high]
			high++
		}
		if usable(next) {
			near = append(near, next)
		}
	}
	return near
}

// at is the figure for sources that the part q of the points does not pass.
func (l line) at(sources memtools.Bytes, q float64) float64 {
	i := int(math.Ceil(q*float64(len(l.rest)))) - 1
	return l.base + l.slope*float64(sources) + l.rest[min(max(i, 0), len(l.rest)-1)]
}
