package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// ratio is what pairs of measurements say about a / b.
type ratio struct{ mean, low, high float64 }

// ratioOf returns the geometric mean of the ratios of the pairs and its 95 %
// confidence interval by Student's t on their logarithms: the pairs were run
// back to back, so that what the machine did meanwhile is in both.
func ratioOf(a, b []time.Duration) ratio {
	n := len(a)
	logs := make([]float64, n)
	sum := 0.0
	for i := range a {
		logs[i] = math.Log(float64(a[i]) / float64(b[i]))
		sum += logs[i]
	}
	mean := sum / float64(n)
	variance := 0.0
	for _, l := range logs {
		variance += (l - mean) * (l - mean)
	}
	half := 0.0
	if n > 1 {
		half = studentT(n-1) * math.Sqrt(variance/float64(n-1)/float64(n))
	}
	return ratio{math.Exp(mean), math.Exp(mean - half), math.Exp(mean + half)}
}

func (r ratio) String() string {
	return fmt.Sprintf("%.3f (95%% interval %.3f to %.3f)", r.mean, r.low, r.high)
}

// studentT is the two-sided 95 % quantile of Student's t (Abramowitz and Stegun,
// table 26.10); beyond 20 degrees of freedom the normal one with its correction.
func studentT(degrees int) float64 {
	table := []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086}
	if degrees <= len(table) {
		return table[degrees-1]
	}
	return 1.960 + 2.4/float64(degrees)
}

func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// signedRank returns the Hodges-Lehmann estimate of the middle of values that lie
// evenly around it, and its 95 % interval by Wilcoxon's signed ranks (normal
// approximation with correction for continuity; below six values there is no such
// interval, and it is without bounds). A few values far off hardly move either, unlike a mean.
func signedRank(values []float64) (mid, low, high float64) {
	var means []float64 // of each value with itself and with each other one
	for i, a := range values {
		for _, b := range values[i:] {
			means = append(means, (a+b)/2)
		}
	}
	slices.Sort(means)
	m := len(means)
	if m == 0 {
		return math.NaN(), math.Inf(-1), math.Inf(1)
	}
	mid = (means[(m-1)/2] + means[m/2]) / 2
	n := float64(len(values))
	if n < 6 {
		return mid, math.Inf(-1), math.Inf(1)
	}
	k := max(0, int(n*(n+1)/4-0.5-1.960*math.Sqrt(n*(n+1)*(2*n+1)/24)))
	return mid, means[k], means[m-1-k]
}
