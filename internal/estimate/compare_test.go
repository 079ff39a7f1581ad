package estimate

import "testing"

func TestCompare(t *testing.T) {
	died := func(peak Sample) Sample { return peak.ended(Killed, 4*gb) }
	for _, tt := range []struct {
		claim          string
		earlier, later []Sample
		before, after  Sample // their peaks count
		atLeast        Excuse
	}{
		{"the last run is compared with the median", []Sample{run(90), run(300), run(100)}, []Sample{run(150), run(160)}, run(100), run(160), ""},
		{"of the last five", []Sample{run(900), run(900), run(900), run(100), run(100), run(110), run(100), run(100)}, []Sample{run(100)}, run(100), run(100), ""},
		{"runs with little to do are not compared with", []Sample{run(100), light(10), light(10), light(10)}, []Sample{run(100)}, run(100), run(100), ""},
		{"nor are they the last one, after one that is full", []Sample{run(100)}, []Sample{run(200), light(10), light(10)}, run(100), run(200), ""},
		{"if there is none that is full, the newest tells how much it is at least", []Sample{run(100)}, []Sample{light(10), light(20)}, run(100), run(20), Partial},
		{"so does one that memory ended", []Sample{run(100)}, []Sample{run(100), died(run(150))}, run(100), run(150), CutOff},
		{"but no failure of another kind", []Sample{run(100)}, []Sample{run(120), run(900).ended(Failed, 0)}, run(100), run(120), ""},
		{"runs of another tool than the last one's are past", []Sample{run(900), run(900), run(100).with(func(x *Sample) { x.Tool = "esbuild" })}, []Sample{run(100)}, run(100), run(100), ""},
		{"under a larger heap limit a run would have taken more", []Sample{run(300).with(func(x *Sample) { x.HeapLimit = 250 * mb })}, []Sample{run(400)}, run(400), run(400), ""},
		{"no earlier run", nil, []Sample{run(50)}, Sample{}, run(50), ""},
		{"no success before", []Sample{died(run(100))}, []Sample{run(50)}, Sample{}, run(50), ""},
		{"no later run", []Sample{run(100)}, nil, run(100), Sample{}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c := Compare(tt.earlier, tt.later)
			if c.Before != tt.before.Peak || c.After != tt.after.Peak || c.AtLeast != tt.atLeast {
				t.Errorf("from %v to %v, %q", c.Before, c.After, c.AtLeast)
			}
			if (c.To.Outcome == "") != (tt.after.Outcome == "") {
				t.Errorf("the last run is %+v", c.To)
			}
		})
	}
}
