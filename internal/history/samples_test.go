package history

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

const (
	mb = memtools.MB
	gb = memtools.GB
)

// run is a sample of a run that succeeded.
func run(peak memtools.Bytes) estimate.Sample {
	return estimate.Sample{Outcome: estimate.Succeeded, Peak: peak * mb, Duration: 2 * time.Second, CPU: 3 * time.Second, HeapLimit: 4 * gb, Sources: 100 * memtools.KB, Tool: "tsc", Versions: "node 22.1.0"}
}

var asked = estimate.Question{Task: "core#build", Tool: "tsc", Sources: 100 * memtools.KB, HeapLimit: 4 * gb, Budget: 8 * gb}

// draw draws samples that may be in a history, that many at least.
func draw(t *rapid.T, least int) []estimate.Sample {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) estimate.Sample {
		return estimate.Sample{
			Time:      time.UnixMilli(rapid.Int64Range(0, 1_700_000_000_000).Draw(t, "time")),
			Outcome:   rapid.SampledFrom(outcomes[:]).Draw(t, "outcome"),
			Peak:      memtools.Bytes(rapid.Int64Range(0, int64(64*gb)).Draw(t, "peak")),
			Duration:  time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "duration")),
			CPU:       rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(t, "cpu"),
			HeapLimit: memtools.Bytes(rapid.Int64Range(0, int64(16*gb)).Draw(t, "heap")),
			Sources:   memtools.Bytes(rapid.Int64Range(0, int64(gb)).Draw(t, "sources")),
			Tool:      rapid.SampledFrom([]string{"", "tsc", "vite \"quoted\"", "tsc+é"}).Draw(t, "tool"),
			Versions:  rapid.SampledFrom([]string{"", "node 20.1.0", "node 22.3.1, npm 10"}).Draw(t, "versions"),
		}
	}), least, 2*kept).Draw(t, "samples")
}

// TestDroppedSamples: what is dropped changes no need, as long as a task stays what
// it is.
func TestDroppedSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := draw(t, kept+1)
		var s samples
		for i, x := range own {
			x.Tool, x.Sources = "tsc", 100*memtools.KB
			if x.Outcome == estimate.OutOfHeap || x.Outcome == estimate.Killed { // of these only the largest peak is kept
				x.Outcome = estimate.Failed
			}
			x.Time = time.UnixMilli(1 << 40).Add(time.Duration(i) * time.Minute)
			x.CPU = rapid.SampledFrom([]time.Duration{0, time.Second, 3 * time.Second, 20 * time.Second, time.Minute}).Draw(t, "cpu")
			own[i] = normal(x)
			s.add("core#build", own[i])
		}
		q := estimate.Question{Task: "core#build", Tool: "tsc", Budget: 8 * gb}
		remembered := s.of(nil, q.Task)
		if len(remembered) != kept {
			t.Fatalf("%d samples are kept, want %d", len(remembered), kept)
		}
		if some, all := estimate.Predict(q, remembered, nil), estimate.Predict(q, own, nil); some.Need != all.Need {
			t.Fatalf("%v, all: %v", some.Need, all.Need)
		}
	})
}

// TestPredictAsksTheOtherTasks: a store answers from the tasks that it knows, also
// from those added since it first answered, and from none if it is nil.
func TestPredictAsksTheOtherTasks(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "history.jsonl"))
	q := estimate.Question{Task: "new#build", Tool: "tsc", Budget: 64 * gb}
	for i, peak := range []memtools.Bytes{300, 500, 400} {
		add(t, s, string(rune('a'+i))+"#build", run(peak))
		got := s.Predict(q)
		if want := []memtools.Bytes{300, 500, 500}[i] * mb; got.Basis != estimate.FromSimilar || got.Peak != want {
			t.Errorf("after %v: %+v, want a peak of %v", peak, got, want)
		}
	}
	if want := []string{"a#build", "b#build", "c#build"}; !slices.Equal(s.Tasks(), want) {
		t.Errorf("tasks %v, want %v", s.Tasks(), want)
	}
	var none *Store
	if got := none.Predict(q); got.Basis != estimate.FromNothing || none.Add("a", run(1)) != nil || none.Close() != nil {
		t.Errorf("a nil store answers %+v", got)
	}
}

// TestFileOfAnEarlierVersion: files that older versions wrote are read as they are.
func TestFileOfAnEarlierVersion(t *testing.T) {
	s := open(t, filepath.Join("testdata", "history.jsonl"))
	want := estimate.Sample{
		Time: time.UnixMilli(1767225600123).UTC(), Outcome: estimate.Succeeded, Peak: 537133056, Duration: 12340 * time.Millisecond, CPU: 20100 * time.Millisecond,
		HeapLimit: 4 * gb, Sources: 81920, Tool: "tsc", Versions: "node 20.20.2",
	}
	if got := s.Samples("core#build"); s.Damaged() != 0 || len(got) != 4 || got[0] != want {
		t.Errorf("%d damaged, %+v", s.Damaged(), got)
	}
	if got := s.Samples("\u00e9 \"x\"#test"); len(got) != 1 || got[0].Outcome != estimate.Failed {
		t.Errorf("%+v", got)
	}
}
