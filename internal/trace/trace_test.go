package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/memtools"
)

const mb = memtools.MB

// hostile is a task's name that tries to be more than text.
const hostile = "w\"],\n</script>\x1b[2J\u202e\u2028\U0001f381#build"

// record is a run of four tasks on two lanes: web comes after core, and is paused, stopped and
// run again; the last one is cut off by the record's end.
func record(t testing.TB, more ...event.Event) *timeline.Timeline {
	var text bytes.Buffer
	n := 0
	at := func(seconds float64, e event.Event) {
		n++
		line, err := json.Marshal(event.Stamped{Seq: n, Time: time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second))), Event: e})
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	task := func(id string) event.Task { return event.Task{ID: id, Package: id, Label: id, Script: "build"} }
	start := func(seconds float64, id string, attempt int) {
		at(seconds, event.TaskStarted{Task: task(id), Attempt: attempt, Need: 100 * mb, Basis: "history"})
	}
	end := func(seconds float64, id string, attempt int, s event.Status) {
		at(seconds, event.TaskFinished{Task: task(id), Attempt: attempt, Status: s, Retry: s == event.Stopped, Peak: 90 * mb, Reason: "it\x00ended"})
	}
	at(0, event.RunStarted{Format: 2, Run: "1", Target: "build", Budget: 300 * mb, CPUs: 2})
	at(0, event.RunPlanned{Tasks: []event.PlannedTask{{Task: task("core#build")}, {Task: task(hostile), After: []string{"core#build"}}, {Task: task("docs#build")}}})
	start(1, "core#build", 1)
	start(1, "docs#build", 1)
	at(1.5, event.Sample{Usage: 150 * mb, Budget: 300 * mb, Tasks: map[string]memtools.Bytes{"core#build": 80 * mb, "docs#build": 60 * mb}})
	end(2, "core#build", 1, event.Succeeded)
	at(2, event.TaskQueued{Task: task(hostile)})
	start(2.5, hostile, 1)
	at(3, event.Correction{Task: task(hostile), Attempt: 1, Action: event.Paused})
	at(3.5, event.GCStarted{Trigger: event.AtCritical, Processes: 1})
	at(3.6, event.GCFinished{Freed: 10 * mb})
	at(3.7, event.Pressure{Level: memtools.Critical, Usage: 280 * mb, Budget: 300 * mb})
	end(4, hostile, 1, event.Stopped)
	at(4, event.Sample{Usage: 100 * mb, Budget: 300 * mb, Tasks: map[string]memtools.Bytes{"docs#build": 90 * mb}})
	end(5, "docs#build", 1, event.Failed)
	start(6, hostile, 2)
	for _, e := range more {
		at(7, e)
	}
	at(8, event.Sample{Usage: 70 * mb, Budget: 300 * mb, Tasks: map[string]memtools.Bytes{hostile: 60 * mb}})
	return timeline.Read(&text)
}

// write returns the trace of a run, and its entries.
func write(t testing.TB, r *timeline.Timeline) (text []byte, entries []entry) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &entries); err != nil {
		t.Fatal(err)
	}
	if !IsTrace(b.Bytes()[:100]) {
		t.Errorf("it is not taken for a trace: %s", b.Bytes()[:100])
	}
	return b.Bytes(), entries
}

func TestWrite(t *testing.T) {
	_, entries := write(t, record(t))
	has := func(phase, name string, at int64) bool {
		return slices.ContainsFunc(entries, func(e entry) bool { return e.Phase == phase && e.Name == name && e.Time == at })
	}
	const second = 1e6
	for claim, ok := range map[string]bool{
		"an attempt is a slice":         has("X", "core#build", second),
		"so is another one":             has("X", hostile+", attempt 2", 6*second),
		"a pause is one inside of it":   has("X", "paused", 3*second),
		"a wait begins":                 has("b", hostile+" waits for processors", 2*second) || has("b", hostile+" waits for memory", 2*second) || has("b", hostile+" waits", 2*second),
		"a collection is an instant":    has("i", "garbage collection", 3.5*second),
		"pressure is one":               has("i", "pressure: critical", 3.7*second),
		"usage is counted":              has("C", "usage", 1.5*second),
		"the budget is":                 has("C", "budget", 1.5*second),
		"and that of each task":         has("C", "core#build", 1.5*second),
		"which goes back to nothing":    has("C", "core#build", 4*second) && has("C", hostile, 8*second),
		"what depends begins in a flow": has("f", "after", 2.5*second) && has("s", "after", second),
	} {
		if !ok {
			t.Errorf("%s: it is missing", claim)
		}
	}
	t.Run("no two attempts overlap in a row", func(t *testing.T) {
		ends := map[int]int64{}
		for _, e := range entries {
			if e.Category != category || e.Phase != "X" {
				continue
			}
			if e.Time < ends[e.Thread] || e.Duration < 1 {
				t.Errorf("%+v begins before %d", e, ends[e.Thread])
			}
			ends[e.Thread] = e.Time + e.Duration
		}
		if len(ends) != 2 {
			t.Errorf("%d rows", len(ends))
		}
	})
}

// TestDamage: a record that is empty, or says what cannot be, has a trace too.
func TestDamage(t *testing.T) {
	write(t, timeline.Read(strings.NewReader("")))
	write(t, timeline.Read(strings.NewReader("{half a li")))
	_, entries := write(t, record(t, event.TaskStarted{}, event.TaskFinished{Duration: -1}, event.Correction{Action: event.Paused}, event.GCFinished{Freed: -1}, event.StepFinished{}))
	for _, e := range entries {
		if e.Time < 0 || e.Phase == "X" && e.Duration < 1 {
			t.Errorf("%+v", e)
		}
	}
}

// TestReader: the trace engine of Chromium's DevTools reads a trace as it is meant.
func TestReader(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Node; left out with -short")
	}
	text, _ := write(t, record(t))
	c := exec.CommandContext(t.Context(), "node", testkit.Script(t, "readertest", "read.mjs"))
	c.Stdin = bytes.NewReader(text)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.Bytes())
	}
	var read struct {
		End       float64
		Processes map[string]string
		Threads   []string
		Slices    []struct {
			PID, Depth   int
			Thread, Name string
			TS, Dur      float64
			Args         map[string]any
		}
		Flows [][]string
	}
	if err := json.Unmarshal(out, &read); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var slices []string
	for _, s := range read.Slices {
		slices = append(slices, fmt.Sprintf("%s %d %q %g+%g %v", s.Thread, s.Depth, s.Name, s.TS/1e6, s.Dur/1e6, s.Args["status"]))
	}
	want := []string{
		`lane 1 0 "core#build" 1+1 succeeded`,
		fmt.Sprintf(`lane 1 0 %q 2.5+1.5 stopped`, hostile),
		`lane 1 1 "paused" 3+1 <nil>`,
		fmt.Sprintf(`lane 1 0 %q 6+2 unfinished`, hostile+", attempt 2"),
		`lane 2 0 "docs#build" 1+4 failed`,
	}
	if got, want := strings.Join(slices, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("it reads\n%s\nnot\n%s", got, want)
	}
	if got, want := fmt.Sprintf("%q", read.Flows), fmt.Sprintf("%q", [][]string{{"core#build", hostile}}); got != want {
		t.Errorf("the flows are %s, not %s", got, want)
	}
	if read.Processes["1"] != "heapmage build" || !strings.Contains(strings.Join(read.Threads, " "), "2: lane 2") || read.End != 8e6 {
		t.Errorf("processes %v, threads %q, end %v", read.Processes, read.Threads, read.End)
	}
}

// TestLarge: a large run has lanes as well.
func TestLarge(t *testing.T) {
	r := record(t)
	for i := range 5000 {
		at := r.Start.Add(time.Duration(i) * time.Millisecond)
		a := timeline.Attempt{Start: at, End: at.Add(time.Duration(i%7) * time.Millisecond)}
		r.Tasks = append(r.Tasks, &timeline.Task{PlannedTask: event.PlannedTask{Task: event.Task{ID: fmt.Sprint(i)}, After: []string{fmt.Sprint(i - 1)}}, Attempts: []timeline.Attempt{a}})
	}
	if text, _ := write(t, r); len(text) > 10<<20 {
		t.Errorf("%d bytes", len(text))
	}
}
