package history

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Question asks what a task will need.
type Question struct {
	Task string
	// Tool is what the script runs now. Empty is unknown.
	Tool string
	// Sources is the size of the package's source files now. Zero is unknown.
	Sources memtools.Bytes
	// HeapLimit is V8's limit that would be set. Zero is unknown.
	HeapLimit memtools.Bytes
	// Budget is the memory of the whole run.
	Budget memtools.Bytes
}

// Basis says what a prediction rests on.
type Basis string

// The bases.
const (
	FromHistory Basis = "history"
	FromSimilar Basis = "similar packages"
	FromNothing Basis = "no history"
)

// Prediction is what a task probably needs.
type Prediction struct {
	// Need is what to reserve. It is always positive, and may be larger than the
	// budget.
	Need memtools.Bytes
	// Peak is that without the margin. Zero is unknown: neither this task nor one
	// alike ever succeeded.
	Peak memtools.Bytes
	// Heap is a V8 heap limit that the task needs at least, since it died with a
	// smaller one. Zero is unknown.
	Heap memtools.Bytes
	// Killed says that one of the runs that are kept was cut off from outside for
	// memory.
	Killed bool
	// Length is the expected duration. Zero is unknown.
	Length time.Duration
	// Cores is how many processors the task keeps busy on average. Zero is
	// unknown.
	Cores float64
	Basis Basis
	// Samples is the number of runs that the prediction rests on, this task's or
	// those of packages alike.
	Samples int
}

const (
	// window is how many successes count, so that one run with little memory does
	// not make the next one a surprise.
	window = 5
	// margin and extra are added to a peak that was seen: two runs of the same
	// sources differ by some 2.5 %, small ones by some MB. What differs by more
	// takes from the budget's reserve, and is paused for before that is used up.
	margin = 1.05
	extra  = 16 * memtools.MB
	// raise is how much more a run gets that memory cut off. What it would have
	// needed is not known, so this doubles in two attempts.
	raise = 1.5
	// noticed is the growth of sources that the margin does not cover, and
	// believed the most that is counted: generated files can make the size of
	// sources jump with nothing behind it.
	noticed  = 1.1
	believed = 4
	// shrunk is how much larger the sources may have been of a run, and aged how much
	// older it may be, that says more of the next than runs that took less.
	shrunk = 2
	aged   = 30 * 24 * time.Hour
	// bare is the memory of a tool that has read no sources yet, where other
	// packages do not tell. A started Node process with a small tool has that.
	bare = 64 * memtools.MB
	// V8 collects harder near its limit, so a run close to it would have taken
	// more with a larger one. With tsc that was seen from a tree of 1.1 times
	// the limit on, and was at most a third more (testdata).
	tight   = 1.1
	relaxed = 4.0 / 3
)

// predict answers q from the task's own samples, the oldest first, and asks for
// the packages alike only where these do not suffice.
func predict(own []Sample, similar func() []point, q Question) Prediction {
	f := look(own, q.Tool)
	base := bare
	cold := Prediction{}
	if f.successes == 0 || f.grows(q.Sources) {
		points := similar()
		if line, ok := fitPeaks(points, q.Sources); ok {
			base = max(bare, memtools.Bytes(line.base))
		}
		if f.successes == 0 {
			cold = predictCold(points, q)
		}
	}
	p := Prediction{Basis: FromHistory, Need: max(extra, f.need(q, base)), Heap: f.heap, Killed: f.killed, Length: f.length(), Cores: f.cores(), Samples: len(f.seen)}
	if f.successes > 0 {
		p.Peak = unmargined(p.Need)
		return p
	}
	// Runs that ended early, or of another tool, are a lower bound at most.
	if cold.Need >= p.Need || len(f.seen) == 0 {
		p.Need, p.Peak, p.Basis, p.Samples = cold.Need, cold.Peak, cold.Basis, cold.Samples
	}
	if p.Length == 0 {
		p.Length = cold.Length
	}
	if p.Cores == 0 {
		p.Cores = cold.Cores
	}
	return p
}

// seen is one sample that counts for the need.
type seen struct {
	Sample
	cut bool // by memory, and no success came after it
}

// facts are what the samples of one task say.
type facts struct {
	seen      []seen
	successes int      // of the tool that is asked for, among the last five
	timed     []Sample // the last successes of the same tool and major versions
	heap      memtools.Bytes
	killed    bool
}

// look sorts out which samples, the oldest first, count for a run of tool.
func look(own []Sample, tool string) facts {
	var f facts
	found, fresh := 0, true // fresh: no success so far, from the newest on
	versions := ""
	counts, _ := counted(len(own), func(i int) work[string] { return own[i].work() })
	for i, x := range slices.Backward(own) {
		switch {
		case counts[i]:
			f.seen = append(f.seen, seen{Sample: x})
			fresh = false
			if found++; found > window {
				continue // it counts for the need alone
			}
			if tool == "" || x.Tool == "" || x.Tool == tool {
				if f.successes++; f.successes == 1 {
					versions = majors(x.Versions)
				}
				if m := majors(x.Versions); m == versions || m == "" || versions == "" {
					f.timed = append(f.timed, x)
				}
			}
		case x.Outcome.censored() && found < window:
			f.seen = append(f.seen, seen{x, fresh})
		}
	}
	if found == 0 {
		for _, x := range own {
			if x.Outcome == Failed {
				f.seen = append(f.seen, seen{Sample: x})
			}
		}
	}
	f.killed = slices.ContainsFunc(own, func(x Sample) bool { return x.Outcome == Killed })
	f.heap, _, _ = provenHeap(len(own), func(i int) (Outcome, memtools.Bytes) { return own[i].Outcome, own[i].HeapLimit })
	return f
}

// work is what a run did. T names a tool.
type work[T comparable] struct {
	succeeded bool
	at        time.Time
	cpu       time.Duration
	sources   memtools.Bytes
	tool      T
}

func (x Sample) work() work[string] {
	return work[string]{x.Outcome == Succeeded, x.Time, x.CPU, x.Sources, x.Tool}
}

// counted marks the successes, of n samples with the oldest first, that a need rests
// on: the last five, and the last five that did the whole work. A run that took less
// than a quarter of another one's processor time found most of it done, and says
// nothing of the next from nothing, however many there were of it. Runs of another
// tool than the last, of far larger sources, or of a month before are past. top is
// the run with the most processor time, by which the others are judged; -1 for none.
func counted[T comparable](n int, at func(int) work[T]) (marks []bool, top int) {
	marks, top = make([]bool, n), -1
	var last work[T]
	var most time.Duration
	like := func(x work[T]) bool {
		return x.tool == last.tool && (last.sources == 0 || x.sources <= shrunk*last.sources) && last.at.Sub(x.at) <= aged
	}
	for i := n - 1; i >= 0; i-- {
		x := at(i)
		if !x.succeeded {
			continue
		}
		if !last.succeeded {
			last = x
		}
		if like(x) && (top < 0 || x.cpu > most) {
			most, top = x.cpu, i
		}
	}
	recent, whole := 0, 0
	for i := n - 1; i >= 0 && (recent < window || whole < window); i-- {
		x := at(i)
		if !x.succeeded {
			continue
		}
		if recent < window {
			recent++
			marks[i] = true
		}
		if whole < window && like(x) && 4*x.cpu >= most {
			whole++
			marks[i] = true
		}
	}
	return marks, top
}

// grows reports whether sources are noticeably larger than in a sample.
func (f facts) grows(sources memtools.Bytes) bool {
	return slices.ContainsFunc(f.seen, func(x seen) bool { return growth(x.Sources, sources) > 1 })
}

// need is the largest that any of the samples asks for. base is the part of a
// peak that does not grow with the sources.
func (f facts) need(q Question, base memtools.Bytes) memtools.Bytes {
	var need memtools.Bytes
	for _, x := range f.seen {
		peak := scaled(x.Peak, base, growth(x.Sources, q.Sources))
		if x.Outcome != OutOfHeap { // its own raise covers the larger limit
			peak *= pressed(x.Sample, q.HeapLimit)
		}
		n := peak*margin + float64(extra)
		if x.cut {
			n = max(n, peak*raise)
		}
		need = max(need, whole(n))
	}
	return need
}

// unmargined is the peak that a need was made of.
func unmargined(need memtools.Bytes) memtools.Bytes {
	return max(1, memtools.Bytes(float64(need-extra)/margin))
}

// growth is how many times larger sources are now; 1 where that is unknown, too
// little to count, or less.
func growth(before, now memtools.Bytes) float64 {
	if before <= 0 || now <= 0 || float64(now) <= noticed*float64(before) {
		return 1
	}
	return min(float64(now)/float64(before), believed)
}

// scaled is a peak whose part above base has grown.
func scaled(peak, base memtools.Bytes, growth float64) float64 {
	base = min(base, peak)
	return float64(base) + float64(peak-base)*growth
}

// pressed is how many times more a run may take under the heap limit now than
// under its own. It is never below 1: the limit bounds one process of a tree.
func pressed(x Sample, now memtools.Bytes) float64 {
	if x.HeapLimit <= 0 || now <= x.HeapLimit || float64(x.Peak) < tight*float64(x.HeapLimit) {
		return 1
	}
	return min(float64(now)/float64(x.HeapLimit), relaxed)
}

// provenHeap is the largest heap limit that n samples, the oldest first, show to
// be needed: half more than one that a run died of, or one above it that
// sufficed later. A later success with no larger limit refutes it. died and
// sufficed are the samples that show this, -1 for none.
func provenHeap(n int, sample func(i int) (Outcome, memtools.Bytes)) (heap memtools.Bytes, died, sufficed int) {
	died, sufficed = -1, -1
	var enough memtools.Bytes // the smallest that sufficed later
	at := -1
	for i := n - 1; i >= 0; i-- {
		switch outcome, limit := sample(i); {
		case limit <= 0:
		case outcome == Succeeded && (enough == 0 || limit < enough):
			enough, at = limit, i
		case outcome == OutOfHeap && (enough == 0 || enough > limit):
			want := whole(float64(limit) * raise)
			if enough > 0 {
				want = min(want, enough)
			}
			if want > heap {
				heap, died, sufficed = want, i, at
			}
		}
	}
	return heap, died, sufficed
}

// length is the median duration.
func (f facts) length() time.Duration {
	var lengths []time.Duration
	for _, x := range f.timed {
		if x.Duration > 0 {
			lengths = append(lengths, x.Duration)
		}
	}
	return median(lengths)
}

func (f facts) cores() float64 {
	var cpu, wall time.Duration
	for _, x := range f.timed {
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

// majors leaves of each version in text only what stands before its first dot:
// "node 20.20.2" becomes "node 20".
func majors(text string) string {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	for i, f := range fields {
		fields[i], _, _ = strings.Cut(f, ".")
	}
	return strings.Join(fields, " ")
}

// median is the upper one of the two in the middle where there are two, and zero
// of nothing. It sorts xs.
func median[T cmp.Ordered](xs []T) T {
	if len(xs) == 0 {
		var zero T
		return zero
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// whole rounds up to bytes within the bounds. A little less than a byte is an
// error of the multiplication.
func whole(n float64) memtools.Bytes {
	if n >= float64(maxSize) {
		return maxSize
	}
	b := memtools.Bytes(n)
	if n-float64(b) > 1e-3 {
		b++
	}
	return b
}
