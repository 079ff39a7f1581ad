package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

const mb = memtools.MB

// story is the record of events that happen at given seconds.
type story struct {
	bytes.Buffer
	seq int
}

func (s *story) at(seconds float64, e event.Event) {
	s.seq++
	text, err := json.Marshal(event.Stamped{Seq: s.seq, Time: at(seconds), Event: e})
	if err != nil {
		panic(err)
	}
	s.Write(append(text, '\n'))
}

func at(seconds float64) time.Time {
	return time.Unix(1000, 0).UTC().Add(time.Duration(seconds * float64(time.Second)))
}

func between(from, to float64) Interval { return Interval{at(from), at(to)} }

func task(id string) event.Task { return event.Task{ID: id, Label: id} }

func planned(id string, need memtools.Bytes, after ...string) event.PlannedTask {
	return event.PlannedTask{Task: task(id), Need: need, After: after}
}

func started(id string, attempt int, need memtools.Bytes) event.TaskStarted {
	return event.TaskStarted{Task: task(id), Attempt: attempt, Need: need}
}

func ended(id string, attempt int, status event.Status) event.TaskFinished {
	return event.TaskFinished{Task: task(id), Attempt: attempt, Status: status, Retry: status == event.Stopped}
}

// correction is one of c.
func correction(attempt int, a event.CorrectionAction) event.Correction {
	return event.Correction{Task: task("c"), Attempt: attempt, Action: a}
}

// build is a run in which b depends on a, and c is stopped once to make room.
func build() *story {
	s := &story{}
	s.at(0, event.RunStarted{Format: 2, Run: "1", Target: "build", Budget: 100 * mb, CPUs: 1})
	s.at(0, event.StepStarted{Step: "install"})
	s.at(1, event.StepFinished{Step: "install", Duration: time.Second})
	s.at(1, event.RunPlanned{Tasks: []event.PlannedTask{planned("a", 50*mb), planned("b", 20*mb, "a"), planned("c", 40*mb), planned("d", 30*mb)}})
	for _, id := range []string{"a", "c", "d"} {
		s.at(1, event.TaskQueued{Task: task(id)})
	}
	s.at(1, started("a", 1, 50*mb))
	s.at(1, started("c", 1, 40*mb))
	s.at(2, event.Sample{Usage: 60 * mb, Budget: 100 * mb, Available: 500, Tasks: map[string]memtools.Bytes{"a": 40 * mb, "c": 15 * mb, "reaper": 1}})
	s.at(3, event.Pressure{Level: memtools.Critical, Usage: 95 * mb, Budget: 100 * mb})
	s.at(3, event.GCStarted{Trigger: event.AtCritical, Processes: 1})
	s.at(3, correction(1, event.Paused))
	s.at(3.5, event.GCFinished{Freed: mb})
	s.at(4, correction(1, event.Resumed))
	s.at(5, correction(1, event.Paused))
	s.at(6, ended("c", 1, event.Stopped))
	s.at(7, ended("a", 1, event.Succeeded))
	s.at(7, event.TaskQueued{Task: task("b")})
	s.at(7, correction(2, event.Paused))
	s.at(7.1, started("c", 2, 40*mb))
	s.at(7.2, correction(2, event.Resumed))
	s.at(7.4, started("b", 1, 20*mb))
	s.at(7.5, event.TaskKnown{Task: task("d")})
	s.at(8, ended("b", 1, event.Failed))
	s.at(10, ended("c", 2, event.Succeeded))
	s.at(10, event.RunFinished{Target: "build", Succeeded: 3, Failed: 1, Duration: 9 * time.Second})
	return s
}

func TestRead(t *testing.T) {
	got := Read(build())
	if !got.Ended || got.Damage != "" || got.Totals.Succeeded != 3 || !got.Start.Equal(at(0)) || !got.End.Equal(at(10)) {
		t.Errorf("%+v", got)
	}
	a, b, c, d := got.Tasks[0], got.Tasks[1], got.Tasks[2], got.Tasks[3]
	t.Run("has the attempts of a task, and for how long each was frozen", func(t *testing.T) {
		if len(c.Attempts) != 2 {
			t.Fatalf("%+v", c.Attempts)
		}
		first, second := c.Attempts[0], c.Attempts[1]
		if want := []Interval{between(3, 4), between(5, 6)}; !reflect.DeepEqual(first.Frozen, want) || first.Result.Status != event.Stopped {
			t.Errorf("%+v", first)
		}
		if want := []Interval{between(7.1, 7.2)}; !reflect.DeepEqual(second.Frozen, want) || !second.End.Equal(at(10)) {
			t.Errorf("%+v", second)
		}
		if c.Result().Status != event.Succeeded || b.Result().Status != event.Failed || d.Result() != nil {
			t.Error("the last attempt tells how a task ended")
		}
	})
	t.Run("tells what a task waited for", func(t *testing.T) {
		for _, tt := range []struct {
			task *Task
			want []Wait
		}{
			{a, []Wait{{between(1, 1), Unknown}}},
			{b, []Wait{{between(7, 7.4), ForProcessors}}},
			{c, []Wait{{between(1, 1), Unknown}, {between(6, 7.1), ForProcessors}}}, // it fits beside a
			{d, []Wait{{between(1, 7.5), ForMemory}}},
		} {
			if !reflect.DeepEqual(tt.task.Waits, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.task.ID, tt.task.Waits, tt.want)
			}
		}
		if d.Known == nil || !d.KnownAt.Equal(at(7.5)) {
			t.Errorf("%+v", d)
		}
	})
	t.Run("has what happened to the run", func(t *testing.T) {
		if s := got.Steps[0]; s.Interval != between(0, 1) || s.Result == nil {
			t.Errorf("%+v", s)
		}
		if c := got.Collections[0]; c.Interval != between(3, 3.5) || c.Result.Freed != mb {
			t.Errorf("%+v", c)
		}
		if p := got.Pressures[0]; p.Level != memtools.Critical || !p.At.Equal(at(3)) {
			t.Errorf("%+v", p)
		}
		want := Sample{At: at(2), Usage: 60 * mb, Budget: 100 * mb, Least: 60 * mb, Last: 60 * mb, Available: 500, Tasks: []Share{{0, 40 * mb}, {2, 15 * mb}}}
		if !reflect.DeepEqual(got.Samples, []Sample{want}) {
			t.Errorf("%+v", got.Samples)
		}
	})
}

func TestCriticalPath(t *testing.T) {
	t.Run("goes by the end that let each attempt start", func(t *testing.T) {
		want := []Link{{0, 0, First}, {2, 1, Room}} // the end of a let c start again
		if path := Read(build()).CriticalPath(); !reflect.DeepEqual(path, want) {
			t.Errorf("%+v", path)
		}
	})
	t.Run("prefers what a task depends on, and its last attempt", func(t *testing.T) {
		s := &story{}
		s.at(0, event.RunPlanned{Tasks: []event.PlannedTask{planned("a", 1), planned("b", 1, "a"), planned("c", 1)}})
		s.at(0, started("a", 1, 1))
		s.at(0, started("c", 1, 1))
		s.at(1, ended("a", 1, event.Succeeded))
		s.at(1.1, ended("c", 1, event.Succeeded))
		s.at(1.2, started("b", 1, 1))
		s.at(3, ended("b", 1, event.Stopped))
		s.at(3, started("b", 2, 1))
		s.at(3, ended("b", 2, event.Succeeded))
		want := []Link{{0, 0, First}, {1, 0, Dependency}, {1, 1, Retry}}
		if path := Read(s).CriticalPath(); !reflect.DeepEqual(path, want) {
			t.Errorf("%+v", path)
		}
	})
}

func TestCutRecord(t *testing.T) {
	whole := build().String()
	end := strings.Index(whole, `"seq":17,`)
	t.Run("ends everything with its last event", func(t *testing.T) {
		got := Read(strings.NewReader(whole[:end+20]))
		a, c := got.Tasks[0].Attempts[0], got.Tasks[2].Attempts[0]
		if got.Ended || got.Damage != "" || a.Result != nil || a.End != got.End || c.Frozen[1].To != got.End {
			t.Errorf("%+v\n%+v\n%+v", got, a, c)
		}
		if w := got.Tasks[3].Waits; len(w) != 1 || w[0].To != got.End {
			t.Errorf("%+v", w)
		}
		if got.Totals.Pauses != 2 || got.Totals.Duration != got.End.Sub(got.Start)-time.Second {
			t.Errorf("%+v", got.Totals)
		}
	})
	t.Run("keeps what is before damage, and tells of it", func(t *testing.T) {
		got := Read(strings.NewReader(whole[:end+20] + "\n" + whole[end+20:]))
		if len(got.Tasks) != 4 || !strings.Contains(got.Damage, "line 17") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("may have a clock that was set back", func(t *testing.T) {
		s := &story{}
		s.at(0, event.RunStarted{Format: 2, Target: "build"})
		s.at(5, started("a", 1, 0))
		s.at(3, ended("a", 1, event.Succeeded))
		if got := Read(s); !got.End.Equal(at(5)) || !got.Tasks[0].Attempts[0].End.Equal(at(5)) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("may be empty", func(t *testing.T) {
		if got := Read(strings.NewReader("")); got.CriticalPath() != nil || got.Ended {
			t.Errorf("%+v", got)
		}
	})
	t.Run("may be of version 1", func(t *testing.T) {
		f, err := os.Open("../report/testdata/format1/events.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got := Read(f)
		if !got.Ended || len(got.Tasks) == 0 || len(got.Samples) == 0 || len(got.CriticalPath()) == 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestDay: the record of a day, with four samples a second, takes a few MB.
func TestDay(t *testing.T) {
	s := &samples{tasks: func(id string) (int, bool) { return int(id[0] - 'a'), true }}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const count = 24 * 3600 * 4
	for i := range count {
		after := time.Duration(i) * 250 * time.Millisecond
		usage := memtools.Bytes(i % 1000)
		if i == 200_000 {
			usage = 5000
		}
		s.add(at(0).Add(after), after, event.Sample{Usage: usage, Budget: 1, Available: memtools.Bytes(count - i), Tasks: map[string]memtools.Bytes{"a": usage / 2, "b": usage / 3}})
	}
	if used := heap() - before; used > 8<<20 {
		t.Errorf("%d bytes", used)
	}
	if n := len(s.list); n < MostSamples/2 || n > MostSamples {
		t.Errorf("%d samples", n)
	}
	peak, last := Sample{}, s.list[len(s.list)-1]
	for _, one := range s.list {
		if one.Usage > peak.Usage {
			peak = one
		}
	}
	if peak.Usage != 5000 || !peak.At.Equal(at(50_000)) || peak.Tasks[0].Usage != 2500 || peak.Least != 0 && peak.Least > 999 {
		t.Errorf("the peak is lost: %+v", peak)
	}
	if last.Last != (count-1)%1000 || last.Available != 1 {
		t.Errorf("the end is lost: %+v", last)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(build().String())
	f.Add(fmt.Sprintf(`{"seq":1,"time":"9999-01-02T03:04:05Z","type":"sample","data":{"usage":-5,"budget":%d}}`, int64(1)<<62))
	f.Fuzz(func(t *testing.T, text string) {
		got := Read(strings.NewReader(text))
		got.CriticalPath()
		if len(got.Samples) > MostSamples {
			t.Error(len(got.Samples))
		}
		for _, task := range got.Tasks {
			for _, a := range task.Attempts {
				if a.End.Before(a.Start) {
					t.Errorf("%+v", a)
				}
			}
		}
	})
}

func TestDamagedRecord(t *testing.T) {
	s := &story{}
	s.at(0, event.RunStarted{Format: 2, Budget: -1, CPUs: -1, Concurrency: -1, HeapLimit: -1})
	s.at(1, started("a", 1, 1<<62))
	s.at(2, event.Correction{Task: task("a"), Attempt: 1, Action: event.Paused})
	s.at(3, started("a", 2, -1)) // the end of the first attempt is missing
	s.at(4, event.Sample{Usage: 1 << 62, Budget: 1 << 62, Tasks: map[string]memtools.Bytes{"a": 1 << 62}})
	s.at(5, ended("a", 2, event.Succeeded))
	s.at(6, event.TaskKnown{Task: task("b"), Duration: -1, CPU: -1, Peak: -1, Written: -1})
	s.at(7, event.Pressure{Usage: -1, Budget: -1})
	s.at(8, event.GCStarted{})
	s.at(9, event.GCFinished{Freed: -1})
	s.at(10, event.RunFinished{Succeeded: -1, Duration: -1, Peak: -1, Budget: 1 << 62})
	got := Read(&s.Buffer)
	if r := got.Run; r.Budget != 0 || r.CPUs != 0 || r.Concurrency != 0 || r.HeapLimit != 0 {
		t.Errorf("run: %+v", r)
	}
	first, second := got.Tasks[0].Attempts[0], got.Tasks[0].Attempts[1]
	if !first.End.Equal(at(3)) || first.Result != nil || !reflect.DeepEqual(first.Frozen, []Interval{between(2, 3)}) || first.Need != largest {
		t.Errorf("the attempt without an end: %+v", first)
	}
	if !second.End.Equal(at(5)) || second.Result == nil || second.Need != 0 {
		t.Errorf("the attempt after it: %+v", second)
	}
	if one := got.Samples[0]; one.Usage != largest || one.Budget != largest || one.Tasks[0].Usage != largest {
		t.Errorf("sample: %+v", one)
	}
	if k := got.Tasks[1].Known; k.Duration != 0 || k.CPU != 0 || k.Peak != 0 || k.Written != 0 {
		t.Errorf("known: %+v", k)
	}
	if got.Pressures[0].Usage != 0 || got.Pressures[0].Budget != 0 || got.Collections[0].Result.Freed != 0 {
		t.Errorf("pressure %+v, collection %+v", got.Pressures[0], got.Collections[0].Result)
	}
	if f := got.Totals; f.Succeeded != 0 || f.Duration != 0 || f.Peak != 0 || f.Budget != largest {
		t.Errorf("totals: %+v", f)
	}
}
