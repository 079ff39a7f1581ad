package runpage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/internal/whatif"
	"github.com/heapmage/heapmage/memtools"
)

const mb = memtools.MB

// record is a run's record of events at given seconds.
type record struct {
	bytes.Buffer
	seq int
}

func (r *record) at(seconds float64, e event.Event) {
	r.seq++
	text, err := json.Marshal(event.Stamped{Seq: r.seq, Time: time.Unix(1800000000, 0).UTC().Add(time.Duration(seconds * float64(time.Second))), Event: e})
	if err != nil {
		panic(err)
	}
	r.Write(append(text, '\n'))
}

func (r *record) run(id string) Run { return Run{id, timeline.Read(r)} }

func named(label string) event.Task {
	return event.Task{ID: "@shop/" + label + "#build", Package: "@shop/" + label, Label: label, Target: "build", Script: "build"}
}

// hostile is a name that would be markup, a script's end, a direction of text and a command.
const hostile = "</script><img src=x onerror=window.pwned=1>\u202e{{data}}&amp;"

// short is a run with everything that the page shows. Its peaks are times factor.
func short(factor memtools.Bytes) *record {
	r := &record{}
	plan := func(label string, after ...string) event.PlannedTask {
		p := event.PlannedTask{Task: named(label), Need: 100 * mb}
		for _, a := range after {
			p.After = append(p.After, named(a).ID)
		}
		return p
	}
	started := func(label string, attempt int) event.TaskStarted {
		return event.TaskStarted{Task: named(label), Attempt: attempt, Need: 100 * mb, Basis: "history", HeapLimit: 400 * mb}
	}
	ended := func(label string, attempt int, status event.Status, peak memtools.Bytes) event.TaskFinished {
		return event.TaskFinished{Task: named(label), Attempt: attempt, Status: status, Retry: status == event.Stopped, Peak: peak * factor, CPU: time.Second, Log: "/home/me/shop/.heapmage/runs/1/logs/" + label + ".log"}
	}
	r.at(0, event.RunStarted{Format: 2, Target: "build", Mode: event.Parallel, Root: "/home/me/shop", Manager: "npm 11.4.2", Budget: 500 * mb, BudgetSource: "budget: 500MB", CPUs: 2})
	r.at(0, event.StepStarted{Step: "install", Command: "npm ci", Reason: "node_modules is missing"})
	r.at(1, event.StepFinished{Step: "install", Duration: time.Second})
	r.at(1, event.RunPlanned{Tasks: []event.PlannedTask{plan("core"), plan(hostile, "core"), plan("web", "core"), plan("docs", "web"), plan("icons")}})
	r.at(1, event.Notice{Kind: event.OwnOptions, Text: hostile, Hint: "rename it"})
	for _, label := range []string{"core", "icons"} {
		r.at(1, event.TaskQueued{Task: named(label)})
	}
	r.at(1, event.TaskKnown{Task: named("icons"), Written: 3, Duration: 4 * time.Second, Peak: 70 * mb, CPU: time.Second})
	r.at(1, started("core", 1))
	r.at(3, ended("core", 1, event.Succeeded, 90*mb))
	r.at(3, event.TaskQueued{Task: named(hostile)})
	r.at(3, event.TaskQueued{Task: named("web")})
	r.at(3, started(hostile, 1))
	r.at(3, started("web", 1))
	for i := range 20 {
		used := memtools.Bytes(i) * 12 * mb * factor
		r.at(3+float64(i)/10, event.Sample{Usage: 2*used + 9*mb, Budget: 500 * mb, Available: 100, Tasks: map[string]memtools.Bytes{named(hostile).ID: used, named("web").ID: used, "reaper": mb}})
	}
	r.at(5, event.Pressure{Level: memtools.Critical, Usage: 460 * mb, Budget: 500 * mb})
	r.at(5, event.GCStarted{Trigger: event.AtCritical, Processes: 2})
	r.at(5.2, event.GCFinished{Freed: 20 * mb})
	r.at(5.5, event.Correction{Task: named("web"), Attempt: 1, Action: event.Paused})
	r.at(7, ended("web", 1, event.Stopped, 240*mb))
	death := ended(hostile, 1, event.OutOfMemory, 240*mb)
	death.Reason, death.Hint, death.Excerpt = "JavaScript heap out of memory", "raise heapLimit", []string{"FATAL ERROR: " + hostile}
	r.at(8, death)
	r.at(8, started("web", 2))
	r.at(11, ended("web", 2, event.Succeeded, 250*mb))
	r.at(11, event.TaskQueued{Task: named("docs")})
	because := named(hostile)
	r.at(11, event.TaskSkipped{Task: named("docs"), Because: &because})
	r.at(11.2, event.RunFinished{Target: "build", Succeeded: 3, Known: 1, Failed: 1, Skipped: 1, Duration: 10200 * time.Millisecond, Peak: 465 * mb * factor, Budget: 500 * mb, Tasks: 10 * time.Second, Retries: 1, Pauses: 1, Collections: 1, ExitCode: 4, Reason: "build failed"})
	return r
}

// many is a run of n tasks.
func many(n int) *record {
	r := &record{}
	r.at(0, event.RunStarted{Format: 2, Target: "build", Root: "/many", Budget: 500 * mb, CPUs: 8})
	label := func(i int) string { return fmt.Sprintf("package-%04d", i) }
	for i := range n {
		p := event.PlannedTask{Task: named(label(i)), Need: mb}
		if i >= 8 {
			p.After = []string{named(label(i - 8)).ID}
		}
		r.at(0, event.RunPlanned{Tasks: []event.PlannedTask{p}})
	}
	const count = 40_000 // of samples: more than are kept
	seconds := float64(n) / 8
	for i := range count {
		at := seconds * float64(i) / count
		first := int(at) * 8
		tasks := map[string]memtools.Bytes{}
		for k := range 8 {
			tasks[named(label(first+k)).ID] = memtools.Bytes(1+k+i%7) * mb
		}
		if whole := i*n/8/count != (i-1)*n/8/count; whole || i == 0 {
			for k := range 8 {
				if first > 0 {
					r.at(at, event.TaskFinished{Task: named(label(first - 8 + k)), Attempt: 1, Status: event.Succeeded, Peak: memtools.Bytes(8+k) * mb})
				}
				r.at(at, event.TaskStarted{Task: named(label(first + k)), Attempt: 1, Need: mb})
			}
		}
		r.at(at, event.Sample{Usage: memtools.Bytes(80+i%7) * mb, Budget: 500 * mb, Tasks: tasks})
	}
	return r
}

func render(t *testing.T, r Run, o Options) string {
	t.Helper()
	text, err := Render(r, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// content is the data on a page.
func content(t *testing.T, page string) (d data) {
	t.Helper()
	_, text, _ := strings.Cut(page, `id="data">`)
	text, _, _ = strings.Cut(text, "</script>")
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRender(t *testing.T) {
	other := short(1).run("1")
	page := render(t, short(2).run("2"), Options{Compare: &other, Lines: []string{"a", "b"}})
	d := content(t, page)
	t.Run("has each task with what it took and waited for", func(t *testing.T) {
		web := d.Tasks[2]
		if len(web.Attempts) != 2 || web.Attempts[0].Frozen[0] != [2]float64{5.5, 7} || web.Attempts[1].Peak != 500*mb || web.Waits[0].To != 8 {
			t.Errorf("%+v", web)
		}
		if log := web.Attempts[0].Log; log != filepath.FromSlash(".heapmage/runs/1/logs/web.log") {
			t.Error(log)
		}
		for i, want := range []string{"succeeded", "out-of-memory", "succeeded", "skipped", "restored"} {
			if d.Tasks[i].Status != want {
				t.Errorf("%s: got %q, want %q", d.Tasks[i].Name, d.Tasks[i].Status, want)
			}
		}
	})
	t.Run("stacks the usage by package", func(t *testing.T) {
		u := d.Usage
		for i := range u.At {
			var all memtools.Bytes
			for _, l := range u.Layers {
				all += l.Usage[i]
			}
			if all != u.Usage[i] {
				t.Fatalf("at %v: %v in layers, %v used", u.At[i], all, u.Usage[i])
			}
		}
		if own := u.Layers[len(u.Layers)-1]; own.Name != "installation and heapmage itself" || own.Usage[19] != 9*mb {
			t.Errorf("%+v", own)
		}
	})
	t.Run("marks what was done about memory", func(t *testing.T) {
		var kinds []string
		for _, m := range d.Marks {
			kinds = append(kinds, m.Kind)
		}
		if got := strings.Join(kinds, " "); got != "gc pause stop death" {
			t.Error(got)
		}
	})
	t.Run("compares two runs, the largest difference first", func(t *testing.T) {
		c := d.Compare.Tasks
		if c[0].Name != "web" || c[0].Was.Peak != 250*mb || c[0].Is.Peak != 500*mb || c[len(c)-1].Is.Peak != 0 {
			t.Errorf("%+v", c)
		}
	})
	t.Run("is recognized", func(t *testing.T) {
		if !IsPage([]byte(page)[:100]) || IsPage([]byte("<!doctype html>\n<html>")) {
			t.Error(page[:100])
		}
	})
	t.Run("shows names as text and nothing more", func(t *testing.T) {
		name := printable.Text(hostile)
		if d.Tasks[1].Name != name || d.Tasks[1].Attempts[0].Excerpt[0] != "FATAL ERROR: "+name || d.Notices[0].Text != name {
			t.Errorf("%q", d.Tasks[1].Name)
		}
		plain := strings.ReplaceAll(short(2).String(), strings.Trim(string(must(json.Marshal(hostile))), `"`), "plain")
		want := render(t, Run{"2", timeline.Read(strings.NewReader(plain))}, Options{})
		if got := render(t, short(2).run("2"), Options{}); strings.Count(got, "<") != strings.Count(want, "<") || strings.Count(got, uPlotScript) != 1 {
			t.Error("a name makes markup")
		}
		if strings.Contains(page, "\u202e") {
			t.Error("a name turns the direction of text")
		}
	})
	t.Run("escapes the title", func(t *testing.T) {
		r := &record{}
		r.at(0, event.RunStarted{Target: hostile, Root: "/<b>"})
		if page, want := render(t, r.run("1"), Options{}), "<title>"+html.EscapeString(printable.Text(hostile)+" of <b>")+"</title>"; !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	})
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// FuzzRender: no record makes a page that has no data, or more markup than another.
func FuzzRender(f *testing.F) {
	f.Add(short(1).String())
	f.Fuzz(func(t *testing.T, text string) {
		d := content(t, render(t, Run{"1", timeline.Read(strings.NewReader(text))}, Options{}))
		if len(d.Usage.At) > timeline.MostSamples {
			t.Error(len(d.Usage.At))
		}
	})
}

func TestChanges(t *testing.T) {
	got := changesOf([]whatif.Answer{{Wall: 4 * time.Second}, {Change: "a\x1b#build in half the time", Wall: 3 * time.Second}, {Change: "half the memory", Fails: []string{"web#build"}}})
	want := []change{{"", 4}, {`a\x1b#build in half the time`, 3}, {"half the memory: too little for web#build", 0}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if changesOf([]whatif.Answer{{Fails: []string{"a"}}, {Change: "more", Wall: 1}}) != nil {
		t.Error("there is nothing to compare with")
	}
}
