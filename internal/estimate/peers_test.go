package estimate

import (
	"maps"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// sized is a run of a package with so many KB of sources.
func sized(peak, sources memtools.Bytes) Sample {
	return run(peak).with(func(x *Sample) {
		x.Sources, x.Duration = sources*memtools.KB, time.Duration(sources)*10*time.Millisecond
	})
}

func TestPredictFromPeers(t *testing.T) {
	tasks := map[string][]Sample{"a#test": {run(3000)}}
	for name, n := range map[string]memtools.Bytes{"a": 100, "b": 200, "c": 300, "d": 400} {
		tasks[name+"#build"] = []Sample{sized(100+2*n, n)}
	}
	peers := NewPeers(maps.All(tasks))
	ask := func(sources memtools.Bytes, task, tool string) Prediction {
		return Predict(Question{Task: task, Tool: tool, Sources: sources * memtools.KB, HeapLimit: 4 * gb, Budget: 64 * gb}, nil,
			func() *Peers { return peers })
	}
	t.Run("estimates a new package from similar ones, by its sources", func(t *testing.T) {
		got := ask(250, "new#build", "tsc")
		if want := roundUp(600*1.05*float64(mb)) + 16*mb; got.Basis != FromSimilar || got.Need < want-mb || got.Need > want+mb {
			t.Errorf("%+v, want about %v", got, want)
		}
		if got.Length < 2400*time.Millisecond || got.Length > 2600*time.Millisecond {
			t.Errorf("it takes %v", got.Length)
		}
	})
	t.Run("takes the largest if the sources are unknown", func(t *testing.T) {
		if got := ask(0, "new#build", "tsc"); got.Need != roundUp(900*1.05*float64(mb))+16*mb {
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
	t.Run("compares tasks without a package by their name", func(t *testing.T) {
		peers := NewPeers(maps.All(map[string][]Sample{"build": {run(500)}}))
		got := Predict(Question{Task: "core#build", Tool: "tsc"}, nil, func() *Peers { return peers })
		if got.Basis != FromSimilar {
			t.Errorf("%+v", got)
		}
	})
	t.Run("grows only the part of a peak that the others show to grow", func(t *testing.T) {
		// The line through the others begins at 100 MB.
		got := Predict(Question{Task: "core#build", Tool: "tsc", Sources: 200 * memtools.KB}, []Sample{sized(300, 100)}, func() *Peers { return peers })
		if want := roundUp(500*1.05*float64(mb)) + 16*mb; got.Need != want {
			t.Errorf("%v, want %v", got.Need, want)
		}
	})
	t.Run("learns while the run lasts", func(t *testing.T) {
		before := ask(400, "new#build", "tsc").Need
		for _, name := range []string{"e", "f", "g", "h", "i"} {
			peers.Set(name+"#build", []Sample{sized(4000, 400)})
		}
		if after := ask(400, "new#build", "tsc").Need; after <= before {
			t.Errorf("%v, before %v", after, before)
		}
		for _, name := range []string{"e", "f", "g", "h", "i"} {
			peers.Set(name+"#build", []Sample{run(1).ended(Failed, gb)}) // shows nothing now
		}
		if after := ask(400, "new#build", "tsc").Need; after != before {
			t.Errorf("%v, before %v", after, before)
		}
	})
	t.Run("does not answer a task by itself", func(t *testing.T) {
		for _, own := range []Sample{run(500).ended(Failed, gb), run(500).ended(Killed, gb)} {
			alone := NewPeers(maps.All(map[string][]Sample{"a#build": {own}}))
			got := Predict(Question{Task: "a#build", Tool: "tsc", Budget: 64 * gb}, []Sample{own}, func() *Peers { return alone })
			if got.Basis == FromSimilar {
				t.Errorf("%+v", got)
			}
		}
	})
	t.Run("counts a run that memory cut off as half as much again", func(t *testing.T) {
		cut := NewPeers(maps.All(map[string][]Sample{"a#build": {run(600).ended(Killed, gb)}}))
		got := Predict(Question{Task: "new#build", Tool: "tsc"}, nil, func() *Peers { return cut })
		if got.Need != roundUp(900*1.05*float64(mb))+16*mb || got.Peak != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("costs the same with many packages", func(t *testing.T) {
		many := make([]point, 50_000)
		for i := range many {
			many[i] = point{sources: memtools.Bytes(i) * memtools.KB, peak: memtools.Bytes(100+i/100) * mb}
		}
		got := predictCold(many, Question{Sources: 25_000 * memtools.KB})
		if want := roundUp(350*1.05*float64(mb)) + 16*mb; got.Need < want-5*mb || got.Need > want+5*mb {
			t.Errorf("got %v, want about %v", got.Need, want)
		}
		if got := predictCold(many, Question{}); got.Samples != maxPeers || got.Need < 600*mb {
			t.Errorf("of unknown size: %+v", got)
		}
	})
	t.Run("nil knows no task", func(t *testing.T) {
		var none *Peers
		none.Set("a#build", []Sample{run(500)})
		if got := Predict(asked, nil, func() *Peers { return none }); got.Basis != FromNothing {
			t.Errorf("%+v", got)
		}
	})
}
