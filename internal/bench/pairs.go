package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/heapmage/heapmage/internal/bench/stats"
	"github.com/heapmage/heapmage/memtools"
)

// side is one of two ways to build.
type side struct {
	name  string
	build func() (spent, error)
}

// inPairs builds both ways in pairs and prints how they compare. The order within
// a pair alternates, so that a drift of the machine's speed is in both. The first
// pair warms the disk cache and lets heapmage learn: it does not count. The result
// is the highest usage of a's own process.
func inPairs(pairs int, a, b side) (own memtools.Bytes, err error) {
	sides := [2]side{a, b}
	return measure(pairs, sides, func(pair int) (both [2]spent, err error) {
		for turn := range 2 {
			at := (turn + pair) % 2
			if both[at], err = sides[at].build(); err != nil {
				return both, err
			}
		}
		return both, nil
	})
}

// measure runs one pair more than pairs, of which the first does not count, and prints how they
// compare.
func measure(pairs int, sides [2]side, run func(pair int) ([2]spent, error)) (own memtools.Bytes, err error) {
	var all [2][]spent
	for i := range pairs + 1 {
		both, err := run(i)
		if err != nil {
			return 0, err
		}
		own = max(own, both[0].own)
		if i == 0 {
			continue
		}
		for at, s := range both {
			all[at] = append(all[at], s)
		}
		fmt.Printf("pair %d: %s %.2fs (%.2fs of processor time), %s %.2fs (%.2fs)\n",
			i, sides[0].name, both[0].wall.Seconds(), both[0].cpu.Seconds(), sides[1].name, both[1].wall.Seconds(), both[1].cpu.Seconds())
	}
	fmt.Print("\n", compared(sides[0].name, sides[1].name, all[0], all[1]))
	return own, nil
}

// atOnce is inPairs with both builds of a pair at once: what disturbs the machine disturbs both.
func atOnce(pairs int, a, b side) (own memtools.Bytes, err error) {
	sides := [2]side{a, b}
	return measure(pairs, sides, func(int) (both [2]spent, err error) {
		var building sync.WaitGroup
		var errs [2]error
		for at, s := range sides {
			building.Go(func() { both[at], errs[at] = s.build() })
		}
		building.Wait()
		return both, errors.Join(errs[:]...)
	})
}

// compared returns the ratios of a to b, which were measured in pairs.
func compared(nameA, nameB string, a, b []spent) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s / %s, %d pairs:\n", nameA, nameB, len(a))
	for _, r := range []struct {
		what string
		of   func(spent) time.Duration
	}{
		{"wall time", func(s spent) time.Duration { return s.wall }},
		{"processor time", func(s spent) time.Duration { return s.cpu }},
	} {
		timesA, timesB := each(a, r.of), each(b, r.of)
		fmt.Fprintf(&text, "%-15s median %.2fs and %.2fs; ratio by Student's t %v", r.what,
			stats.Median(timesA).Seconds(), stats.Median(timesB).Seconds(), stats.Student(timesA, timesB))
		if len(a) >= stats.LeastForRanks {
			fmt.Fprintf(&text, "; by ranks %v", stats.Ranks(timesA, timesB))
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func each(all []spent, of func(spent) time.Duration) (times []time.Duration) {
	for _, s := range all {
		times = append(times, of(s))
	}
	return times
}
