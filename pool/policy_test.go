package pool

import (
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

func TestFits(t *testing.T) {
	const mb = memtools.MB
	for _, c := range []struct {
		name       string
		need, used memtools.Bytes
		others     []load
		budget     memtools.Bytes
		want       bool
	}{
		{name: "starts anything without a budget", need: 1 << 50, others: []load{{busy: true, need: 1 << 50}}, want: true},
		{name: "starts what fits", need: 40 * mb, others: []load{{busy: true, need: 60 * mb}}, budget: 100 * mb, want: true},
		{name: "does not start what would pass the budget", need: 41 * mb, others: []load{{busy: true, need: 60 * mb}}, budget: 100 * mb},
		{name: "reserves before the memory shows", need: 60 * mb, others: []load{{busy: true, need: 60 * mb, used: 1 * mb}}, budget: 100 * mb},
		{name: "counts what is used beyond the need", need: 30 * mb, others: []load{{busy: true, need: 10 * mb, used: 80 * mb}}, budget: 100 * mb},
		{name: "counts idle workers", need: 30 * mb, others: []load{{busy: true, need: 40 * mb}, {used: 40 * mb}}, budget: 100 * mb},
		{name: "counts what its own worker uses already", need: 10 * mb, used: 70 * mb, others: []load{{busy: true, need: 40 * mb}}, budget: 100 * mb},
		{name: "always lets one run", need: 500 * mb, others: []load{{used: 90 * mb}}, budget: 100 * mb, want: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fits(c.need, c.used, c.others, c.budget); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestQueueNext(t *testing.T) {
	fill := func(needs ...memtools.Bytes) *queue {
		q := &queue{}
		for n, need := range needs {
			q.add(&job{id: uint64(n + 1), task: Task{Need: need}})
		}
		return q
	}
	small := func(j *job) bool { return j.task.Need <= 10 }
	t.Run("passes over what does not fit", func(t *testing.T) {
		if j := fill(50, 60, 10, 5).next(small); j == nil || j.id != 3 {
			t.Errorf("got %+v", j)
		}
	})
	t.Run("takes nothing where nothing fits, and keeps all", func(t *testing.T) {
		q := fill(50, 60)
		if j := q.next(small); j != nil || len(*q) != 2 || (*q)[0].passed != 0 {
			t.Errorf("got %+v of %+v", j, *q)
		}
	})
	t.Run("does not starve a large one", func(t *testing.T) {
		q := fill(50)
		overtaken := 0
		for n := range 10 * maxPassed {
			q.add(&job{id: uint64(n + 2), task: Task{Need: 1}})
			if q.next(small) == nil {
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
		if j := fill(needs...).next(small); j != nil {
			t.Errorf("got %+v", j)
		}
	})
}

func TestTelling(t *testing.T) {
	for output, want := range map[string]string{
		"":             "",
		"one\ntwo\n\n": "two",
		"a.js:1\nthrow x\n\nTypeError: no\n    at a.js:1:7\n\nNode.js v20.20.2\n": "TypeError: no",
		"TypeError [ERR_X]: bad\n    at b\n":                                      "TypeError [ERR_X]: bad",
		"panic: gone\n\ngoroutine 1 [running]:\nmain.main()\n":                    "panic: gone",
		"Traceback (most recent call last):\nValueError: x\n":                     "ValueError: x",
	} {
		if got := telling(output); got != want {
			t.Errorf("%q: got %q, want %q", output, got, want)
		}
	}
}

func TestTail(t *testing.T) {
	var small, large tail
	all := ""
	for n := range 3000 {
		chunk := string(rune('a'+n%26)) + "0123456789"
		all += chunk
		_, _ = small.Write([]byte(chunk))
	}
	_, _ = large.Write([]byte(all))
	if want := all[len(all)-tailSize:]; small.String() != want || large.String() != want {
		t.Error("a tail is not the end of what was written")
	}
}
