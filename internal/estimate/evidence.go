package estimate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// evidence is what the samples of one task show.
type evidence struct {
	runs      []weighed // that count for the need
	successes int       // with the tool asked for, among the last five
	timed     []Sample  // of these, those under the same major versions
	heap      memtools.Bytes
	killed    bool
}

// weighed is one sample that counts for the need.
type weighed struct {
	Sample
	cut bool // by memory, and no success came after it
}

// weigh sorts out which samples, the oldest first, count for a run of tool.
func weigh(own []Sample, tool string) evidence {
	var e evidence
	found, fresh := 0, true // fresh: from the newest on, no success so far
	versions := ""
	counts, _ := counted(own)
	for i, x := range slices.Backward(own) {
		switch {
		case counts[i]:
			e.runs = append(e.runs, weighed{Sample: x})
			fresh = false
			if found++; found > window {
				continue // it counts only for the need
			}
			if tool == "" || x.Tool == "" || x.Tool == tool {
				if e.successes++; e.successes == 1 {
					versions = majors(x.Versions)
				}
				if m := majors(x.Versions); m == versions || m == "" || versions == "" {
					e.timed = append(e.timed, x)
				}
			}
		case x.Outcome.censored() && found < window:
			e.runs = append(e.runs, weighed{x, fresh})
		}
	}
	if found == 0 {
		for _, x := range own {
			if x.Outcome == Failed {
				e.runs = append(e.runs, weighed{Sample: x})
			}
		}
	}
	e.killed = slices.ContainsFunc(own, func(x Sample) bool { return x.Outcome == Killed })
	e.heap, _, _ = provenHeap(own)
	return e
}

// counted marks the successes that a need rests on: the last five, and the last
// five full builds. A run with less than a quarter of another's processor time
// found most of the work done; however many such runs there are, they do not
// predict a build from nothing. Runs of another tool than the last, of far larger
// sources, or of more than a month earlier are past. top is the run with the most
// processor time, by which the others are judged; -1 if there is none.
func counted(own []Sample) (marks []bool, top int) {
	marks, top = make([]bool, len(own)), -1
	var last *Sample
	for i := len(own) - 1; i >= 0; i-- {
		x := &own[i]
		if x.Outcome != Succeeded {
			continue
		}
		if last == nil {
			last = x
		}
		if x.resembles(last) && (top < 0 || x.CPU > own[top].CPU) {
			top = i
		}
	}
	recent, full := 0, 0
	for i := len(own) - 1; i >= 0 && (recent < window || full < window); i-- {
		x := &own[i]
		if x.Outcome != Succeeded {
			continue
		}
		if recent < window {
			recent++
			marks[i] = true
		}
		if full < window && x.resembles(last) && fullRun*x.CPU >= own[top].CPU {
			full++
			marks[i] = true
		}
	}
	return marks, top
}

// resembles reports whether a run was of the same task as last is now, as far as
// tool, sources and age tell.
func (x *Sample) resembles(last *Sample) bool {
	return x.Tool == last.Tool && (last.Sources == 0 || x.Sources <= maxShrink*last.Sources) && last.Time.Sub(x.Time) <= maxAge
}

// outgrown reports whether sources are noticeably larger than in a sample.
func (e evidence) outgrown(sources memtools.Bytes) bool {
	return slices.ContainsFunc(e.runs, func(x weighed) bool { return growth(x.Sources, sources) > 1 })
}

// length is the median duration.
func (e evidence) length() time.Duration {
	var lengths []time.Duration
	for _, x := range e.timed {
		if x.Duration > 0 {
			lengths = append(lengths, x.Duration)
		}
	}
	return median(lengths)
}

// cores is the processor time over the wall time.
func (e evidence) cores() float64 {
	var cpu, wall time.Duration
	for _, x := range e.timed {
		if x.Duration > 0 && x.CPU > 0 {
			cpu += x.CPU
			wall += x.Duration
		}
	}
	if wall == 0 {
		return 0
	}
	return float64(cpu) / float64(wall)
}

// majors leaves of each version only what stands before its first dot:
// "node 20.20.2" becomes "node 20".
func majors(text string) string {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	for i, f := range fields {
		fields[i], _, _ = strings.Cut(f, ".")
	}
	return strings.Join(fields, " ")
}

// median is the upper of the two middle values if there are two, and zero if
// there are none. It sorts xs.
func median[T cmp.Ordered](xs []T) T {
	if len(xs) == 0 {
		var zero T
		return zero
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}
