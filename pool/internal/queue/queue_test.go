package queue

import (
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

func TestFits(t *testing.T) {
	const mb = memtools.MB
	for _, c := range []struct {
		name       string
		need, used memtools.Bytes
		others     []Load
		budget     memtools.Bytes
		want       bool
	}{
		{name: "starts anything without a budget", need: 1 << 50, others: []Load{{Busy: true, Need: 1 << 50}}, want: true},
		{name: "starts what fits", need: 40 * mb, others: []Load{{Busy: true, Need: 60 * mb}}, budget: 100 * mb, want: true},
		{name: "does not start what would pass the budget", need: 41 * mb, others: []Load{{Busy: true, Need: 60 * mb}}, budget: 100 * mb},
		{name: "reserves before the memory shows", need: 60 * mb, others: []Load{{Busy: true, Need: 60 * mb, Used: 1 * mb}}, budget: 100 * mb},
		{name: "counts what is used beyond the need", need: 30 * mb, others: []Load{{Busy: true, Need: 10 * mb, Used: 80 * mb}}, budget: 100 * mb},
		{name: "counts idle workers", need: 30 * mb, others: []Load{{Busy: true, Need: 40 * mb}, {Used: 40 * mb}}, budget: 100 * mb},
		{name: "counts what its own worker uses already", need: 10 * mb, used: 70 * mb, others: []Load{{Busy: true, Need: 40 * mb}}, budget: 100 * mb},
		{name: "always lets one run", need: 500 * mb, others: []Load{{Used: 90 * mb}}, budget: 100 * mb, want: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Fits(c.need, c.used, c.others, c.budget); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

type job struct {
	Ticket
	need memtools.Bytes
}

func TestNext(t *testing.T) {
	fill := func(needs ...memtools.Bytes) *Queue[*job] {
		q := &Queue[*job]{}
		for n, need := range needs {
			q.Add(&job{Ticket{ID: uint64(n + 1)}, need})
		}
		return q
	}
	small := func(j *job) bool { return j.need <= 10 }
	t.Run("passes over what does not fit", func(t *testing.T) {
		if j, _ := fill(50, 60, 10, 5).Next(small); j == nil || j.ID != 3 {
			t.Errorf("got %+v", j)
		}
	})
	t.Run("takes nothing if nothing fits, and keeps all", func(t *testing.T) {
		q := fill(50, 60)
		if j, ok := q.Next(small); ok || len(*q) != 2 || (*q)[0].passed != 0 {
			t.Errorf("got %+v of %+v", j, *q)
		}
	})
	t.Run("does not starve a large one", func(t *testing.T) {
		q := fill(50)
		overtaken := 0
		for n := range 10 * maxPassed {
			q.Add(&job{Ticket{ID: uint64(n + 2)}, 1})
			if _, ok := q.Next(small); !ok {
				break
			}
			overtaken++
		}
		if overtaken != maxPassed {
			t.Errorf("it was overtaken %d times, want %d", overtaken, maxPassed)
		}
	})
	t.Run("looks no further than it may", func(t *testing.T) {
		needs := make([]memtools.Bytes, lookAhead+1)
		for n := range needs[:lookAhead] {
			needs[n] = 50
		}
		if j, ok := fill(needs...).Next(small); ok {
			t.Errorf("got %+v", j)
		}
	})
}
