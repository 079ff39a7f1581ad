package main

import (
	"math"
	"testing"
)

func TestSignedRank(t *testing.T) {
	t.Run("is hardly moved by one value far off", func(t *testing.T) {
		mid, low, high := signedRank([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 1000})
		if mid < 5 || mid > 6.5 || low < 2 || high > 510 {
			t.Errorf("%v (%v to %v)", mid, low, high)
		}
	})
	t.Run("takes all of six values", func(t *testing.T) { // the table's critical sum of ranks is 0
		if mid, low, high := signedRank([]float64{1, 2, 3, 4, 5, 6}); mid != 3.5 || low != 1 || high != 6 {
			t.Errorf("%v (%v to %v)", mid, low, high)
		}
	})
	t.Run("says nothing of five", func(t *testing.T) {
		if _, low, high := signedRank([]float64{1, 2, 3, 4, 5}); !math.IsInf(low, -1) || !math.IsInf(high, 1) {
			t.Errorf("%v to %v", low, high)
		}
	})
}
