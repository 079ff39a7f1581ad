package estimate

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/memtools"
)

// samples draws what may be in a history.
func samples(t *rapid.T) []Sample {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Sample {
		return Sample{
			Time:      time.UnixMilli(rapid.Int64Range(0, 1<<41).Draw(t, "time")),
			Outcome:   rapid.SampledFrom([]Outcome{Succeeded, Failed, OutOfHeap, Killed}).Draw(t, "outcome"),
			Peak:      memtools.Bytes(rapid.Int64Range(0, int64(64*gb)).Draw(t, "peak")),
			Duration:  time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "duration")),
			CPU:       rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(t, "cpu"),
			HeapLimit: memtools.Bytes(rapid.Int64Range(0, int64(16*gb)).Draw(t, "heap")),
			Sources:   memtools.Bytes(rapid.Int64Range(0, int64(gb)).Draw(t, "sources")),
			Tool:      rapid.SampledFrom([]string{"", "tsc", "vite \"quoted\"", "tsc+é"}).Draw(t, "tool"),
			Versions:  rapid.SampledFrom([]string{"", "node 20.1.0", "node 22.3.1, npm 10"}).Draw(t, "versions"),
		}
	}), 0, 2*kept).Draw(t, "samples")
}

func TestPredictProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := samples(t)
		q := Question{Task: "core#build", Tool: rapid.SampledFrom([]string{"", "tsc"}).Draw(t, "asked"), Budget: 8 * gb}
		p := Predict(q, own, nil)
		if p.Need <= 0 || p.Heap < 0 || p.Length < 0 || p.Cores < 0 {
			t.Fatalf("%+v", p)
		}
		if n := len(own); n > 0 && own[n-1].Outcome == Succeeded && p.Need < own[n-1].Peak {
			t.Fatalf("the need %v is below the last success of %v", p.Need, own[n-1].Peak)
		}
		cut := Sample{Outcome: Killed, Peak: p.Need}
		if after := Predict(q, append(own, cut), nil).Need; after < p.Need {
			t.Fatalf("a kill lowered the need from %v to %v", p.Need, after)
		}
		if len(own) > 0 {
			i := rapid.IntRange(0, len(own)-1).Draw(t, "which")
			own[i].Peak += gb
			if after := Predict(q, own, nil).Need; after < p.Need {
				t.Fatalf("a larger peak lowered the need from %v to %v", p.Need, after)
			}
		}
	})
}

// TestSupportIsBounded: however many samples there are, one is superfluous before
// a history is full.
func TestSupportIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := samples(t)
		marked := 0
		for _, needed := range Support(own) {
			if needed {
				marked++
			}
		}
		if marked > MaxSupport {
			t.Fatalf("%d samples of %d are needed", marked, len(own))
		}
		if i := Superfluous(own); len(own) > MaxSupport && i < 0 || i >= 0 && slices.Contains(Support(own)[:i], false) {
			t.Fatalf("sample %d of %d is the oldest that is superfluous", i, len(own))
		}
	})
}
