// Package stats compares measurements that were taken in pairs.
package stats

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Ratio is an estimate of a / b with its 95 % confidence interval.
type Ratio struct{ Mean, Low, High float64 }

// String returns the ratio with three decimals.
func (r Ratio) String() string {
	return fmt.Sprintf("%.3f (95%% interval %.3f to %.3f)", r.Mean, r.Low, r.High)
}

// Student returns the geometric mean of a[i] / b[i], with an interval by
// Student's t on the logarithms. Run the two measurements of a pair back to back:
// then a change of the machine's speed is in both. One pair has no interval: it
// is the mean itself.
func Student(a, b []time.Duration) Ratio {
	logs := logRatios(a, b)
	n := float64(len(logs))
	sum := 0.0
	for _, l := range logs {
		sum += l
	}
	mean := sum / n
	variance := 0.0
	for _, l := range logs {
		variance += (l - mean) * (l - mean)
	}
	half := 0.0
	if len(logs) > 1 {
		half = studentT(len(logs)-1) * math.Sqrt(variance/(n-1)/n)
	}
	return Ratio{math.Exp(mean), math.Exp(mean - half), math.Exp(mean + half)}
}

// LeastForRanks is the smallest number of pairs that has a 95 % interval by ranks.
const LeastForRanks = 6

// Ranks is Student by signed ranks: a pair in which something disturbed the
// machine counts no more than any other pair.
func Ranks(a, b []time.Duration) Ratio {
	mid, low, high := SignedRank(logRatios(a, b))
	return Ratio{math.Exp(mid), math.Exp(low), math.Exp(high)}
}

func logRatios(a, b []time.Duration) []float64 {
	logs := make([]float64, len(a))
	for i := range a {
		logs[i] = math.Log(float64(a[i]) / float64(b[i]))
	}
	return logs
}

// studentT returns the two-sided 95 % quantile of Student's t (Abramowitz and
// Stegun, table 26.10). Beyond 20 degrees of freedom it approximates.
func studentT(degrees int) float64 {
	table := []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086}
	if degrees <= len(table) {
		return table[degrees-1]
	}
	return 1.960 + 2.4/float64(degrees)
}

// Median returns the middle of d, which must not be empty.
func Median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// SignedRank returns the Hodges-Lehmann estimate of the center of symmetrically
// distributed values, with its 95 % interval by Wilcoxon's signed ranks (normal
// approximation with continuity correction). Outliers hardly move either. With
// fewer than LeastForRanks values the interval is infinite.
func SignedRank(values []float64) (mid, low, high float64) {
	var means []float64 // of each value with itself and with each other
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
	if len(values) < LeastForRanks {
		return mid, math.Inf(-1), math.Inf(1)
	}
	n := float64(len(values))
	k := max(0, int(n*(n+1)/4-0.5-1.960*math.Sqrt(n*(n+1)*(2*n+1)/24)))
	return mid, means[k], means[m-1-k]
}
