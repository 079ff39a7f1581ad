package estimate

import (
	"slices"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

const (
	mb = memtools.MB
	gb = memtools.GB
)

// kept is how many samples a history keeps.
const kept = 20

// keep adds samples as a history does: beyond 20 it drops what is superfluous.
func keep(own []Sample, more ...Sample) []Sample {
	own = slices.Clone(own)
	for _, x := range more {
		if own = append(own, x); len(own) > kept {
			i := Superfluous(own)
			own = slices.Delete(own, i, i+1)
		}
	}
	return own
}

// run is a sample of a run that succeeded.
func run(peak memtools.Bytes) Sample {
	return Sample{Outcome: Succeeded, Peak: peak * mb, Duration: 2 * time.Second, CPU: 3 * time.Second, HeapLimit: 4 * gb, Sources: 100 * memtools.KB, Tool: "tsc", Versions: "node 22.1.0"}
}

// took is a run with so many seconds of processor time. light is one that found
// most of its work done.
func took(peak memtools.Bytes, seconds time.Duration) Sample {
	return run(peak).with(func(x *Sample) { x.CPU = seconds * time.Second })
}

func light(peak memtools.Bytes) Sample {
	return run(peak).with(func(x *Sample) { x.CPU = 300 * time.Millisecond })
}

// with changes a sample.
func (x Sample) with(change func(*Sample)) Sample {
	change(&x)
	return x
}

func (x Sample) ended(o Outcome, limit memtools.Bytes) Sample {
	return x.with(func(x *Sample) { x.Outcome, x.HeapLimit = o, limit })
}

var asked = Question{Task: "core#build", Tool: "tsc", Sources: 100 * memtools.KB, HeapLimit: 4 * gb, Budget: 8 * gb}

func TestPredict(t *testing.T) {
	for _, tt := range []struct {
		claim      string
		own        []Sample
		q          Question
		need, heap memtools.Bytes
		basis      Basis
	}{
		{"is a twentieth and 16 MB above the largest of the last five successes",
			[]Sample{run(900), run(300), run(400), run(350), run(340), run(330)}, asked, 436 * mb, 0, FromHistory},
		{"ignores what failed for another reason",
			[]Sample{run(300), run(2000).ended(Failed, 4*gb)}, asked, 331 * mb, 0, FromHistory},
		{"asks half as much again after a kill",
			[]Sample{run(300), run(600).ended(Killed, 4*gb)}, asked, 900 * mb, 0, FromHistory},
		{"adds only the margin once it has succeeded again",
			[]Sample{run(600).ended(Killed, 4*gb), run(300)}, asked, 646 * mb, 0, FromHistory},
		{"asks for a larger heap limit after a full heap",
			[]Sample{run(1100).ended(OutOfHeap, 1*gb)}, asked, 1650 * mb, 1536 * mb, FromHistory},
		{"keeps to a limit that sufficed after a full heap",
			[]Sample{run(1100).ended(OutOfHeap, 1*gb), run(1200).ended(Succeeded, 1200*mb)}, asked, 1276 * mb, 1200 * mb, FromHistory},
		{"keeps to a limit that sufficed, after any number of runs",
			slices.Concat([]Sample{run(1100).ended(OutOfHeap, 1*gb), run(1200).ended(Succeeded, 1200*mb)}, slices.Repeat([]Sample{run(300).ended(Succeeded, 1400*mb)}, 2*kept)), asked, 331 * mb, 1200 * mb, FromHistory},
		{"takes a success with the same limit as proof that it suffices",
			[]Sample{run(600).ended(OutOfHeap, 1*gb), run(700).ended(Succeeded, 1*gb)}, asked, 751 * mb, 0, FromHistory},
		{"grows with the sources",
			[]Sample{run(564)}, Question{Task: "core#build", Tool: "tsc", Sources: 200 * memtools.KB, HeapLimit: 4 * gb}, roundUp(1064*1.05*float64(mb)) + 16*mb, 0, FromHistory},
		{"does not shrink with them",
			[]Sample{run(500)}, Question{Task: "core#build", Tool: "tsc", Sources: 10 * memtools.KB, HeapLimit: 4 * gb}, 541 * mb, 0, FromHistory},
		{"expects more under a larger heap limit if the last one was tight",
			[]Sample{run(1200).ended(Succeeded, 1*gb)}, asked, roundUp(1200*4/3.0*1.05*float64(mb)) + 16*mb, 0, FromHistory},
		{"is a fifth of a small budget if nothing is known",
			nil, Question{Task: "new", Budget: 2 * gb}, 2 * gb / 5, 0, FromNothing},
		{"is 1 GB of a large budget if nothing is known",
			nil, asked, 1 * gb, 0, FromNothing},
		{"is never zero",
			[]Sample{run(0)}, asked, 16 * mb, 0, FromHistory},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got := Predict(tt.q, keep(nil, tt.own...), nil)
			if got.Need != tt.need || got.Heap != tt.heap || got.Basis != tt.basis {
				t.Errorf("got %v, heap %v, from %s; want %v, heap %v, from %s", got.Need, got.Heap, got.Basis, tt.need, tt.heap, tt.basis)
			}
		})
	}
	t.Run("knows what was killed", func(t *testing.T) {
		if Predict(asked, []Sample{run(300), run(600).ended(OutOfHeap, 1*gb)}, nil).Killed {
			t.Error("a full heap counts as a kill")
		}
		if !Predict(asked, []Sample{run(300).ended(Killed, 4*gb), run(300)}, nil).Killed {
			t.Error("a kill is forgotten")
		}
	})
	t.Run("tells how long it takes and how many processors", func(t *testing.T) {
		longer := run(300).with(func(x *Sample) { x.Duration, x.CPU = 4*time.Second, 6*time.Second })
		got := Predict(asked, []Sample{run(300), run(300), longer}, nil)
		if got.Length != 2*time.Second || got.Cores != 1.5 || got.Samples != 3 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("does not judge the time by another major version", func(t *testing.T) {
		old := run(300).with(func(x *Sample) { x.Duration, x.Versions = time.Minute, "node 20.9.0" })
		if got := Predict(asked, []Sample{old, run(300)}, nil); got.Length != 2*time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// TestRecorded follows series of runs as they came, and what was expected before
// each next one. The peaks are of real packages.
func TestRecorded(t *testing.T) {
	for _, tt := range []struct {
		claim string
		runs  []Sample
		needs []memtools.Bytes // after each run, in MB
	}{
		{"tsc of one package settles a little above its peaks",
			[]Sample{run(402), run(398), run(407), run(401), run(399), run(404), run(400)},
			[]memtools.Bytes{439, 439, 444, 444, 444, 444, 444}},
		{"an incremental run does not make the next full one a surprise",
			[]Sample{run(712), run(95), run(96), run(94), run(97), run(95)},
			[]memtools.Bytes{764, 764, 764, 764, 764, 118}},
		{"nor do many of them",
			append([]Sample{run(712)}, slices.Repeat([]Sample{light(95)}, 2*kept)...),
			slices.Repeat([]memtools.Bytes{764}, 2*kept+1)},
		{"a peak that did not come again is forgotten after five runs",
			[]Sample{run(712), run(495), run(500), run(500), run(490), run(500), light(95)},
			[]memtools.Bytes{764, 764, 764, 764, 764, 541, 541}},
		{"the run by which others are judged is kept",
			slices.Concat([]Sample{took(712, 100)}, slices.Repeat([]Sample{took(495, 30)}, 5), slices.Repeat([]Sample{took(95, 20)}, 2*kept)),
			slices.Concat(slices.Repeat([]memtools.Bytes{764}, 5), slices.Repeat([]memtools.Bytes{536}, 2*kept+1))},
		{"a package that became small is believed to be",
			append([]Sample{run(712)}, slices.Repeat([]Sample{light(95).with(func(x *Sample) { x.Sources /= 3 })}, 5)...),
			[]memtools.Bytes{764, 764, 764, 764, 764, 181}},
		{"a package that outgrew its runner doubles its need in two attempts",
			[]Sample{run(500), run(560).ended(Killed, 4*gb), run(840).ended(Killed, 4*gb), run(1010)},
			[]memtools.Bytes{541, 840, 1260, 1077}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var own []Sample
			for i, x := range tt.runs {
				own = keep(own, x)
				got := Predict(asked, own, nil)
				if rounded := (got.Need + mb - 1) / mb; rounded != tt.needs[i] {
					t.Errorf("after run %d: %d MB, want %d MB", i+1, rounded, tt.needs[i])
				}
			}
		})
	}
}

func TestPredictConfigured(t *testing.T) {
	q := asked
	q.Configured = 2 * gb
	if got := Predict(q, []Sample{run(300)}, nil); got.Need != 2*gb || got.Basis != FromConfig || got.Length != 2*time.Second {
		t.Errorf("the user's need does not count: %+v", got)
	}
}
