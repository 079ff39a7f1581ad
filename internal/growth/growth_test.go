package growth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// ran is a run at a minute, with a peak in MB.
func ran(minute int, peak memtools.Bytes) estimate.Sample {
	return estimate.Sample{Time: time.Unix(int64(60*minute), 0), Outcome: estimate.Succeeded, Peak: peak * memtools.MB, CPU: time.Second, Sources: 1000, Tool: "tsc", Versions: "node 22.1.0"}
}

// short is a run that took a moment.
func short(x estimate.Sample) estimate.Sample {
	x.Duration = 80 * time.Millisecond
	return x
}

func yes(string) bool { return true }

func TestCompare(t *testing.T) {
	died, light := ran(9, 150), ran(9, 50)
	died.Outcome, light.CPU = estimate.Killed, time.Millisecond
	later := ran(1, 100)
	later.Time = later.Time.Add(300 * time.Millisecond) // which the file does not have
	for _, tt := range []struct {
		claim     string
		base, now []estimate.Sample
		want      State
	}{
		{"within the limit", []estimate.Sample{ran(1, 100)}, []estimate.Sample{ran(9, 120)}, Within},
		{"beyond it", []estimate.Sample{ran(1, 100)}, []estimate.Sample{ran(9, 121)}, Grown},
		{"beyond it, but few MB", []estimate.Sample{ran(1, 20)}, []estimate.Sample{ran(9, 39)}, Within},
		{"no more than it took before", []estimate.Sample{ran(1, 100), ran(2, 130), ran(3, 100)}, []estimate.Sample{ran(9, 130)}, Within},
		{"smaller", []estimate.Sample{ran(1, 100)}, []estimate.Sample{ran(9, 10)}, Within},
		{"ended by memory beyond the limit", []estimate.Sample{ran(1, 100)}, []estimate.Sample{died}, Grown},
		{"ended by memory within the limit", []estimate.Sample{ran(1, 140)}, []estimate.Sample{died}, Unclear},
		{"hardly run", []estimate.Sample{ran(1, 100)}, []estimate.Sample{light}, Unclear},
		{"never successful before", []estimate.Sample{died}, []estimate.Sample{ran(10, 100)}, Unclear},
		{"too short to be measured before, and large now", []estimate.Sample{ran(1, 0)}, []estimate.Sample{ran(9, 100)}, Grown},
		{"too short to be measured before, and small now", []estimate.Sample{ran(1, 0)}, []estimate.Sample{ran(9, 10)}, Within},
		{"too brief to tell 60 MB from none", []estimate.Sample{short(ran(1, 12))}, []estimate.Sample{ran(9, 72)}, Within},
		{"too brief, and far beyond", []estimate.Sample{short(ran(1, 12))}, []estimate.Sample{ran(9, 80)}, Grown},
		{"new", nil, []estimate.Sample{ran(9, 100)}, New},
		{"not run", []estimate.Sample{ran(1, 100)}, nil, NotRun},
		{"not run since", []estimate.Sample{ran(1, 100)}, []estimate.Sample{ran(0, 900), later}, NotRun},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			base := Samples{}
			if tt.base != nil {
				base["core#build"] = tt.base
			}
			r := Compare("base.json", base, Samples{"core#build": tt.now}, 20, yes)
			if len(r.Tasks) != 1 || r.Tasks[0].State != tt.want {
				t.Fatalf("%+v", r.Tasks)
			}
			known := (*problem.Error)(nil)
			if err := r.Err(); (err != nil) != (tt.want == Grown) || err != nil && (!errors.As(err, &known) || known.ExitStatus() != problem.ExitGrown) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	t.Run("of packages that are gone only those of the base are named", func(t *testing.T) {
		r := Compare("", Samples{"a#build": {ran(1, 100)}}, Samples{"a#build": {ran(9, 900)}, "b#build": {ran(9, 900)}}, 20, func(string) bool { return false })
		if len(r.Tasks) != 1 || r.Tasks[0].State != Gone {
			t.Errorf("%+v", r.Tasks)
		}
	})
	t.Run("tells what else has changed", func(t *testing.T) {
		now := ran(9, 150)
		now.Sources, now.Tool = 1500, "vite"
		r := Compare("", Samples{"a#build": {ran(1, 100)}}, Samples{"a#build": {now}}, 20, yes)
		if got := strings.Join(r.Tasks[0].Changes, "; "); got != "sources +50%; tsc → vite" {
			t.Error(got)
		}
	})
}

func TestParsePercent(t *testing.T) {
	for text, want := range map[string]float64{"20%": 20, "12.5%": 12.5, "0%": 0, "10000%": 10_000} {
		if got, err := ParsePercent(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "20", "0.2", "-5%", "NaN%", "Inf%", "1e3%", "0x5p1%", "10001%", "20%%", " 20%", "1_0%"} {
		known := (*problem.Error)(nil)
		if _, err := ParsePercent(text); !errors.As(err, &known) || known.ExitStatus() != problem.ExitUsage || known.Hint == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// hostile is a name that tries to be more than text.
const hostile = "a`|b\n::error::<img>\x1b[2J @you#build"

func sample() *Report {
	base, now := Samples{}, Samples{}
	for task, peaks := range map[string][2]memtools.Bytes{"web#build": {402, 812}, "core#build": {100, 101}, hostile: {100, 150}, "old#build": {100, 0}, "new#build": {0, 50}} {
		if peaks[0] > 0 {
			base[task] = []estimate.Sample{ran(1, peaks[0])}
		}
		if peaks[1] > 0 {
			now[task] = []estimate.Sample{ran(9, peaks[1])}
		}
	}
	return Compare("base.json", base, now, 20, func(task string) bool { return task != "old#build" })
}

func TestWrite(t *testing.T) {
	var b strings.Builder
	if err := sample().Write(&b, 0); err != nil {
		t.Fatal(err)
	}
	const want = `TASK                                                BEFORE    AFTER     GROWTH      NOTE
web#build                                           402.00MB  812.00MB  +102.0% 🚨
` + "a`|b\\n\\x3a\\x3aerror\\x3a\\x3a<img>\\x1b[2J @you#build" + `  100.00MB  150.00MB  +50.0% 🚨
core#build                                          100.00MB  101.00MB  +1.0%

ℹ️  New, with nothing to compare: new#build
ℹ️  Gone: old#build
🚨 2 of 3 tasks grew by more than 20% and 20MB
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestMarkdown(t *testing.T) {
	const want = "**Memory** beside `base.json`\n\n" +
		"| Task | Before | After | Growth | Note |\n|---|---:|---:|---:|---|\n" +
		"| `web#build` | 402.00MB | 812.00MB | +102.0% 🚨 |  |\n" +
		"| <code>a&#96;&#124;b&#92;n&#58;&#58;error&#58;&#58;&#60;img&#62;&#92;x1b&#91;2J &#64;you&#35;build</code> | 100.00MB | 150.00MB | +50.0% 🚨 |  |\n" +
		"| `core#build` | 100.00MB | 101.00MB | +1.0% |  |\n\n" +
		"- New, with nothing to compare: `new#build`\n- Gone: `old#build`\n\n🚨 2 of 3 tasks grew by more than 20% and 20MB\n"
	if got := string(sample().Markdown()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestVerdict(t *testing.T) {
	for want, r := range map[string]*Report{
		"Nothing could be compared":          Compare("", Samples{"a": {ran(1, 100)}}, nil, 20, yes),
		"The only task did not grow by more": Compare("", Samples{"a": {ran(1, 100)}}, Samples{"a": {ran(2, 100)}}, 20, yes),
	} {
		if got := r.verdict(); !strings.Contains(got, want) {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
