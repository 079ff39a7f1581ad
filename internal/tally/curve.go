package tally

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// curvePoints is half the maximum number of points of a curve.
const curvePoints = 32

// curve is the usage of one attempt over time, in a bounded number of points at equal
// intervals. The zero value is empty.
type curve struct {
	points []memtools.Bytes // the largest usage of each interval
	each   int              // samples in an interval
	inLast int              // samples in the last interval so far
}

// add adds a sample. If the curve is full, neighbouring points are merged in pairs.
func (c *curve) add(usage memtools.Bytes) {
	if c.each == 0 {
		c.each = 1
	}
	if len(c.points) > 0 && c.inLast < c.each {
		last := &c.points[len(c.points)-1]
		*last = max(*last, usage)
		c.inLast++
		return
	}
	if len(c.points) == 2*curvePoints {
		for i := range curvePoints {
			c.points[i] = max(c.points[2*i], c.points[2*i+1])
		}
		c.points = c.points[:curvePoints]
		c.each *= 2
	}
	c.points = append(c.points, usage)
	c.inLast = 1
}

// Sparkline draws sizes as bars of eight heights, from nothing to the largest. There
// is at least one.
func Sparkline(sizes []memtools.Bytes) string {
	const bars = "▁▂▃▄▅▆▇█"
	most := max(slices.Max(sizes), 1)
	var b strings.Builder
	for _, s := range sizes {
		b.WriteRune([]rune(bars)[min(max(s, 0)*8/(most+1), 7)])
	}
	return b.String()
}
