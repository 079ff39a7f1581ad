package main

import (
	"fmt"
	"math"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// side is one of two ways to build.
type side struct {
	name  string
	build func() (spent, error)
}

// inPairs builds both ways in pairs, whose order changes from each to the next, so
// that a drift of the machine's speed is in both, and prints how they compare. The
// first pair, which warms the disk's cache, does not count. It returns the highest
// usage of a's own process.
func inPairs(pairs int, a, b side) (peak memtools.Bytes, err error) {
	sides := [2]side{a, b}
	var wall, cpu [2][]time.Duration
	for i := range pairs + 1 {
		var both [2]spent
		for turn := range 2 {
			at := (turn + i) % 2
			if both[at], err = sides[at].build(); err != nil {
				return 0, err
			}
		}
		peak = max(peak, both[0].peak)
		if i == 0 {
			continue
		}
		for at, s := range both {
			wall[at], cpu[at] = append(wall[at], s.wall), append(cpu[at], s.cpu)
		}
		fmt.Printf("pair %d: %s %.2fs (%.2fs of processor time), %s %.2fs (%.2fs)\n",
			i, a.name, both[0].wall.Seconds(), both[0].cpu.Seconds(), b.name, both[1].wall.Seconds(), both[1].cpu.Seconds())
	}
	fmt.Printf("\n%s / %s, %d pairs:\n", a.name, b.name, pairs)
	for _, r := range []struct {
		what  string
		times [2][]time.Duration
	}{{"wall time", wall}, {"processor time", cpu}} {
		fmt.Printf("%-15s median %.2fs and %.2fs; ratio by Student's t %v", r.what,
			median(r.times[0]).Seconds(), median(r.times[1]).Seconds(), ratioOf(r.times[0], r.times[1]))
		if pairs >= leastForRanks {
			fmt.Printf("; by ranks %v", rankRatioOf(r.times[0], r.times[1]))
		}
		fmt.Println()
	}
	return peak, nil
}

// leastForRanks is how many pairs have an interval of 95 % by ranks.
const leastForRanks = 6

// rankRatioOf is ratioOf by ranks: a pair in which the machine was disturbed
// counts no more than any other pair.
func rankRatioOf(a, b []time.Duration) ratio {
	logs := make([]float64, len(a))
	for i := range a {
		logs[i] = math.Log(float64(a[i]) / float64(b[i]))
	}
	mid, low, high := signedRank(logs)
	return ratio{math.Exp(mid), math.Exp(low), math.Exp(high)}
}
