package history

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/memtools"
)

const (
	mb = memtools.MB
	gb = memtools.GB
)

// run is a sample of a run that succeeded.
func run(peak memtools.Bytes) Sample {
	return Sample{Outcome: Succeeded, Peak: peak * mb, Duration: 2 * time.Second, CPU: 3 * time.Second, HeapLimit: 4 * gb, Sources: 100 * memtools.KB, Tool: "tsc", Versions: "node 22.1.0"}
}

// took is a run that took so many seconds of processor time, and light one that found
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
	nothing := func() []point { return nil }
	for _, tt := range []struct {
		claim      string
		own        []Sample
		q          Question
		need, heap memtools.Bytes
		basis      Basis
	}{
		{"is a twentieth and 16 MB above the largest of the last five successes",
			[]Sample{run(900), run(300), run(400), run(350), run(340), run(330)}, asked, 436 * mb, 0, FromHistory},
		{"passes over what failed for another reason",
			[]Sample{run(300), run(2000).ended(Failed, 4*gb)}, asked, 331 * mb, 0, FromHistory},
		{"asks half as much again after a kill",
			[]Sample{run(300), run(600).ended(Killed, 4*gb)}, asked, 900 * mb, 0, FromHistory},
		{"forgets the raise once it succeeded again",
			[]Sample{run(600).ended(Killed, 4*gb), run(300)}, asked, 646 * mb, 0, FromHistory},
		{"asks for a larger heap limit after a full heap",
			[]Sample{run(1100).ended(OutOfHeap, 1*gb)}, asked, 1650 * mb, 1536 * mb, FromHistory},
		{"keeps to a limit that sufficed after a full heap",
			[]Sample{run(1100).ended(OutOfHeap, 1*gb), run(1200).ended(Succeeded, 1200*mb)}, asked, 1276 * mb, 1200 * mb, FromHistory},
		{"keeps to a limit that sufficed however often",
			slices.Concat([]Sample{run(1100).ended(OutOfHeap, 1*gb), run(1200).ended(Succeeded, 1200*mb)}, slices.Repeat([]Sample{run(300).ended(Succeeded, 1400*mb)}, 2*Kept)), asked, 331 * mb, 1200 * mb, FromHistory},
		{"takes a success with the same limit for a proof that it suffices",
			[]Sample{run(600).ended(OutOfHeap, 1*gb), run(700).ended(Succeeded, 1*gb)}, asked, 751 * mb, 0, FromHistory},
		{"grows with the sources",
			[]Sample{run(564)}, Question{Task: "core#build", Tool: "tsc", Sources: 200 * memtools.KB, HeapLimit: 4 * gb}, whole(1064*1.05*float64(mb)) + 16*mb, 0, FromHistory},
		{"does not shrink with them",
			[]Sample{run(500)}, Question{Task: "core#build", Tool: "tsc", Sources: 10 * memtools.KB, HeapLimit: 4 * gb}, 541 * mb, 0, FromHistory},
		{"expects more under a larger heap limit where the last one was tight",
			[]Sample{run(1200).ended(Succeeded, 1*gb)}, asked, whole(1200*4/3.0*1.05*float64(mb)) + 16*mb, 0, FromHistory},
		{"is a fifth of a small budget where nothing is known",
			nil, Question{Task: "new", Budget: 2 * gb}, 2 * gb / 5, 0, FromNothing},
		{"is 1 GB where nothing is known and there is much",
			nil, asked, 1 * gb, 0, FromNothing},
		{"is never nothing",
			[]Sample{run(0)}, asked, 16 * mb, 0, FromHistory},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var h held
			for _, x := range tt.own {
				h.add(tt.q.Task, x)
			}
			got := predict(h.samples(nil, tt.q.Task), nothing, tt.q)
			if got.Need != tt.need || got.Heap != tt.heap || got.Basis != tt.basis {
				t.Errorf("got %v, heap %v, from %s; want %v, heap %v, from %s", got.Need, got.Heap, got.Basis, tt.need, tt.heap, tt.basis)
			}
		})
	}
	t.Run("knows what was killed", func(t *testing.T) {
		if predict([]Sample{run(300), run(600).ended(OutOfHeap, 1*gb)}, nothing, asked).Killed {
			t.Error("a full heap is no kill")
		}
		if !predict([]Sample{run(300).ended(Killed, 4*gb), run(300)}, nothing, asked).Killed {
			t.Error("a kill is forgotten")
		}
	})
	t.Run("says how long and how busy", func(t *testing.T) {
		longer := run(300).with(func(x *Sample) { x.Duration, x.CPU = 4*time.Second, 6*time.Second })
		got := predict([]Sample{run(300), run(300), longer}, nothing, asked)
		if got.Length != 2*time.Second || got.Cores != 1.5 || got.Samples != 3 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("does not judge the time by another major version", func(t *testing.T) {
		old := run(300).with(func(x *Sample) { x.Duration, x.Versions = time.Minute, "node 20.9.0" })
		if got := predict([]Sample{old, run(300)}, nothing, asked); got.Length != 2*time.Second {
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
			append([]Sample{run(712)}, slices.Repeat([]Sample{light(95)}, 2*Kept)...),
			slices.Repeat([]memtools.Bytes{764}, 2*Kept+1)},
		{"what was done once and takes less since is forgotten after five runs",
			[]Sample{run(712), run(495), run(500), run(500), run(490), run(500), light(95)},
			[]memtools.Bytes{764, 764, 764, 764, 764, 541, 541}},
		{"what a run is judged by is kept",
			slices.Concat([]Sample{took(712, 100)}, slices.Repeat([]Sample{took(495, 30)}, 5), slices.Repeat([]Sample{took(95, 20)}, 2*Kept)),
			slices.Concat(slices.Repeat([]memtools.Bytes{764}, 5), slices.Repeat([]memtools.Bytes{536}, 2*Kept+1))},
		{"a package that became small is believed to be",
			append([]Sample{run(712)}, slices.Repeat([]Sample{light(95).with(func(x *Sample) { x.Sources /= 3 })}, 5)...),
			[]memtools.Bytes{764, 764, 764, 764, 764, 181}},
		{"a package that outgrew its runner doubles its need in two attempts",
			[]Sample{run(500), run(560).ended(Killed, 4*gb), run(840).ended(Killed, 4*gb), run(1010)},
			[]memtools.Bytes{541, 840, 1260, 1077}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var h held
			for i, x := range tt.runs {
				h.add("core#build", x)
				got := predict(h.samples(nil, "core#build"), func() []point { return nil }, asked)
				if rounded := (got.Need + mb - 1) / mb; rounded != tt.needs[i] {
					t.Errorf("after run %d: %d MB, want %d MB", i+1, rounded, tt.needs[i])
				}
			}
		})
	}
}

func TestSimilar(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "history.jsonl"))
	for name, n := range map[string]memtools.Bytes{"a": 100, "b": 200, "c": 300, "d": 400} {
		x := run(100 + 2*n).with(func(x *Sample) { x.Sources, x.Duration = n*memtools.KB, time.Duration(n)*time.Millisecond*10 })
		add(t, s, name+"#build", x)
	}
	add(t, s, "a#test", run(3000))
	ask := func(sources memtools.Bytes, task, tool string) Prediction {
		return s.Predict(Question{Task: task, Tool: tool, Sources: sources * memtools.KB, HeapLimit: 4 * gb, Budget: 64 * gb})
	}
	t.Run("reads a new package's need off packages alike, by its sources", func(t *testing.T) {
		got := ask(250, "new#build", "tsc")
		if want := whole(600*1.05*float64(mb)) + 16*mb; got.Basis != FromSimilar || got.Need < want-mb || got.Need > want+mb {
			t.Errorf("%+v, want about %v", got, want)
		}
		if got.Length < 2400*time.Millisecond || got.Length > 2600*time.Millisecond {
			t.Errorf("it takes %v", got.Length)
		}
	})
	t.Run("asks the most that was seen where the sources are unknown", func(t *testing.T) {
		if got := ask(0, "new#build", "tsc"); got.Need != whole(900*1.05*float64(mb))+16*mb {
			t.Errorf("%+v", got)
		}
	})
	t.Run("does not compare other tools or targets", func(t *testing.T) {
		if got := ask(250, "new#build", "vite"); got.Basis != FromNothing {
			t.Errorf("%+v", got)
		}
		if got := ask(250, "new#lint", "tsc"); got.Basis != FromNothing {
			t.Errorf("%+v", got)
		}
	})
	t.Run("learns while the run lasts", func(t *testing.T) {
		before := ask(400, "new#build", "tsc").Need
		for _, name := range []string{"e", "f", "g", "h", "i"} {
			add(t, s, name+"#build", run(4000).with(func(x *Sample) { x.Sources = 400 * memtools.KB }))
		}
		if after := ask(400, "new#build", "tsc").Need; after <= before {
			t.Errorf("%v, before %v", after, before)
		}
	})
	t.Run("does not answer a task by itself", func(t *testing.T) {
		alone := open(t, filepath.Join(t.TempDir(), "history.jsonl"))
		add(t, alone, "a#build", run(500).ended(Failed, gb))
		if got := alone.Predict(Question{Task: "a#build", Tool: "tsc", Budget: 64 * gb}); got.Basis == FromSimilar {
			t.Errorf("%+v", got)
		}
	})
	t.Run("costs the same with many packages", func(t *testing.T) {
		many := make([]point, 50_000)
		for i := range many {
			many[i] = point{sources: memtools.Bytes(i) * memtools.KB, peak: memtools.Bytes(100+i/100) * mb}
		}
		got := predictCold(many, Question{Sources: 25_000 * memtools.KB})
		if want := whole(350*1.05*float64(mb)) + 16*mb; got.Need < want-5*mb || got.Need > want+5*mb {
			t.Errorf("got %v, want about %v", got.Need, want)
		}
	})
}

// samples draws what may stand in a history, that many at least.
func samples(t *rapid.T, least int) []Sample {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Sample {
		return Sample{
			Time:      time.UnixMilli(rapid.Int64Range(0, 1<<41).Draw(t, "time")),
			Outcome:   rapid.SampledFrom(outcomes[:]).Draw(t, "outcome"),
			Peak:      memtools.Bytes(rapid.Int64Range(0, int64(64*gb)).Draw(t, "peak")),
			Duration:  time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "duration")),
			CPU:       rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(t, "cpu"),
			HeapLimit: memtools.Bytes(rapid.Int64Range(0, int64(16*gb)).Draw(t, "heap")),
			Sources:   memtools.Bytes(rapid.Int64Range(0, int64(gb)).Draw(t, "sources")),
			Tool:      rapid.SampledFrom([]string{"", "tsc", "vite \"quoted\"", "tsc+é"}).Draw(t, "tool"),
			Versions:  rapid.SampledFrom([]string{"", "node 20.1.0", "node 22.3.1, npm 10"}).Draw(t, "versions"),
		}
	}), least, 2*Kept).Draw(t, "samples")
}

func TestPredictProperties(t *testing.T) {
	nothing := func() []point { return nil }
	rapid.Check(t, func(t *rapid.T) {
		own := samples(t, 0)
		q := Question{Task: "core#build", Tool: rapid.SampledFrom([]string{"", "tsc"}).Draw(t, "asked"), Budget: 8 * gb}
		p := predict(own, nothing, q)
		if p.Need <= 0 || p.Heap < 0 || p.Length < 0 || p.Cores < 0 {
			t.Fatalf("%+v", p)
		}
		var h held
		for _, x := range own {
			h.add("core#build", x)
		}
		if n := len(own); n > 0 && own[n-1].Outcome == Succeeded && p.Need < own[n-1].Peak {
			t.Fatalf("the need %v is below the last success of %v", p.Need, own[n-1].Peak)
		}
		cut := Sample{Outcome: Killed, Peak: p.Need}
		if after := predict(append(own, cut), nothing, q).Need; after < p.Need {
			t.Fatalf("a kill lowered the need from %v to %v", p.Need, after)
		}
		if len(own) > 0 {
			i := rapid.IntRange(0, len(own)-1).Draw(t, "which")
			own[i].Peak += gb
			if after := predict(own, nothing, q).Need; after < p.Need {
				t.Fatalf("a larger peak lowered the need from %v to %v", p.Need, after)
			}
		}
	})
}

// TestDroppedSamples: what is dropped changes no need, as long as a task stays what
// it is.
func TestDroppedSamples(t *testing.T) {
	nothing := func() []point { return nil }
	rapid.Check(t, func(t *rapid.T) {
		own := samples(t, Kept+1)
		var h held
		for i := range own {
			own[i].Tool, own[i].Sources = "tsc", 100*memtools.KB
			if own[i].Outcome.censored() { // of these only the largest peak is kept
				own[i].Outcome = Failed
			}
			own[i].Time = time.UnixMilli(1 << 40).Add(time.Duration(i) * time.Minute)
			own[i].CPU = rapid.SampledFrom([]time.Duration{0, time.Second, 3 * time.Second, 20 * time.Second, time.Minute}).Draw(t, "cpu")
			h.add("core#build", own[i])
		}
		q := Question{Task: "core#build", Tool: "tsc", Budget: 8 * gb}
		if kept, all := predict(h.samples(nil, q.Task), nothing, q), predict(normal(own), nothing, q); kept.Need != all.Need {
			t.Fatalf("%v, all: %v", kept.Need, all.Need)
		}
	})
}

func normal(own []Sample) (all []Sample) {
	for _, x := range own {
		all = append(all, x.normal())
	}
	return all
}
