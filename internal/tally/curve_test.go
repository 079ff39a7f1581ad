package tally

import (
	"slices"
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

func TestCurve(t *testing.T) {
	for _, samples := range []int{0, 1, 5, 64, 65, 1000, 10_000} {
		var c curve
		for i := range samples {
			c.add(memtools.Bytes(i))
		}
		if len(c.points) > 2*curvePoints || samples > 0 && len(c.points) == 0 {
			t.Errorf("%d samples: %d points", samples, len(c.points))
		}
		if !slices.IsSorted(c.points) {
			t.Errorf("%d samples: a growing usage is drawn as %v", samples, c.points)
		}
		if samples > 0 && c.points[len(c.points)-1] != memtools.Bytes(samples-1) {
			t.Errorf("%d samples: the last point is %v", samples, c.points[len(c.points)-1])
		}
	}
	t.Run("keeps a short peak", func(t *testing.T) {
		var c curve
		for i := range 5000 {
			usage := memtools.Bytes(1)
			if i == 2500 {
				usage = 99
			}
			c.add(usage)
		}
		if slices.Max(c.points) != 99 {
			t.Errorf("%v", c.points)
		}
	})
}
