package stats

import (
	"math"
	"testing"
	"time"
)

func TestSignedRank(t *testing.T) {
	t.Run("is hardly moved by an outlier", func(t *testing.T) {
		mid, low, high := SignedRank([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 1000})
		if mid < 5 || mid > 6.5 || low < 2 || high > 510 {
			t.Errorf("%v (%v to %v)", mid, low, high)
		}
	})
	t.Run("spans all of six values", func(t *testing.T) { // the table's critical sum of ranks is 0
		if mid, low, high := SignedRank([]float64{1, 2, 3, 4, 5, 6}); mid != 3.5 || low != 1 || high != 6 {
			t.Errorf("%v (%v to %v)", mid, low, high)
		}
	})
	t.Run("has no interval for five values", func(t *testing.T) {
		if _, low, high := SignedRank([]float64{1, 2, 3, 4, 5}); !math.IsInf(low, -1) || !math.IsInf(high, 1) {
			t.Errorf("%v to %v", low, high)
		}
	})
}

func TestRatios(t *testing.T) {
	seconds := func(values ...float64) (d []time.Duration) {
		for _, v := range values {
			d = append(d, time.Duration(v*float64(time.Second)))
		}
		return d
	}
	near := func(got, want float64) bool { return math.Abs(got-want) < 0.001 }
	t.Run("of equal pairs is exact", func(t *testing.T) {
		a, b := seconds(2, 4, 6, 8, 10, 12), seconds(1, 2, 3, 4, 5, 6)
		for _, r := range []Ratio{Student(a, b), Ranks(a, b)} {
			if !near(r.Mean, 2) || !near(r.Low, 2) || !near(r.High, 2) {
				t.Error(r)
			}
		}
	})
	t.Run("by Student's t is that of the logarithms", func(t *testing.T) {
		// Logarithms 0 and 1: mean 1/2, standard error 1/2, t(1) = 12.706.
		r := Student(seconds(1, math.E), seconds(1, 1))
		if !near(r.Mean, math.Exp(0.5)) || !near(r.Low, math.Exp(0.5-6.353)) || math.Abs(r.High-math.Exp(0.5+6.353)) > 0.1 {
			t.Error(r)
		}
	})
}
