package tally

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

const gb = memtools.GB

// story folds events that happen at given seconds.
type story struct {
	State
	events []event.Stamped
}

func (s *story) at(seconds float64, e event.Event) {
	stamped := event.Stamped{Seq: len(s.events) + 1, Time: time.Unix(1000, 0).UTC().Add(time.Duration(seconds * float64(time.Second))), Event: e}
	s.events = append(s.events, stamped)
	s.Apply(stamped)
}

func task(id string) event.Task { return event.Task{ID: id, Label: id} }

func started(id string, need memtools.Bytes) event.TaskStarted {
	return event.TaskStarted{Task: task(id), Attempt: 1, Need: need, Usage: 1, Budget: 2 * gb}
}

func succeeded(id string, length, cpu time.Duration) event.TaskFinished {
	return event.TaskFinished{Task: task(id), Status: event.Succeeded, Duration: length, CPU: cpu, Usage: 1, Budget: 2 * gb}
}

func TestCounts(t *testing.T) {
	var s story
	s.at(0, event.RunStarted{Target: "build", Budget: 2 * gb, CPUs: 2})
	s.at(0, started("a", gb))
	s.at(0, started("b", gb))
	s.at(1, event.Sample{Usage: 900, Budget: 2 * gb, Tasks: map[string]memtools.Bytes{"a": 500, "b": 300}})
	s.at(1, event.Correction{Task: task("b"), Action: event.Paused})
	if !s.Paused("b") || s.Paused("a") {
		t.Error("b is the paused one")
	}
	s.at(2, event.Correction{Task: task("b"), Action: event.Resumed})
	if s.Paused("b") {
		t.Error("b goes on")
	}
	s.at(2, event.GCFinished{})
	s.at(3, event.TaskFinished{Task: task("b"), Status: event.Stopped, Retry: true, Usage: 950, Budget: 2 * gb})
	s.at(3, event.TaskFinished{Task: task("d"), Status: event.Stopped, Retry: true, ForOthers: true})
	s.at(3, succeeded("a", 3*time.Second, time.Second))
	s.at(4, started("b", gb))
	s.at(5, event.TaskFinished{Task: task("b"), Status: event.OutOfMemory, Usage: 10, Budget: gb})
	s.at(5, event.TaskSkipped{Task: task("c")})
	f := s.Summary()
	want := event.RunFinished{
		Target: "build", Succeeded: 1, Failed: 1, Skipped: 1, Retries: 1, Pauses: 1, Collections: 1,
		Peak: 950, Usage: 10, Budget: gb, Serial: time.Second, Tasks: 5 * time.Second,
		ExitCode: 4, Reason: "build failed, out of memory: b",
	}
	f.Bound, f.BoundBy, f.Unused = 0, "", 0 // tested elsewhere
	if f != want {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
}

// TestPausedEarly: an attempt may be paused between its grant and its start, or just
// after its end.
func TestPausedEarly(t *testing.T) {
	attempt := func(n int) event.TaskStarted { return event.TaskStarted{Task: task("a"), Attempt: n} }
	pause := func(n int) event.Correction {
		return event.Correction{Task: task("a"), Attempt: n, Action: event.Paused}
	}
	var s story
	s.at(0, pause(1))
	s.at(1, attempt(1))
	if !s.Paused("a") {
		t.Error("it was paused before it started")
	}
	s.at(2, event.Correction{Task: task("a"), Attempt: 1, Action: event.Resumed})
	s.at(3, event.TaskFinished{Task: task("a"), Attempt: 1, Status: event.Stopped, Retry: true})
	s.at(3, pause(1))
	s.at(4, attempt(2))
	if s.Paused("a") {
		t.Error("the pause of the first attempt counts for the second")
	}
	s.at(5, event.TaskFinished{Task: task("a"), Attempt: 2, Status: event.Stopped, Retry: true})
	s.at(5, pause(3))
	s.at(5, event.Correction{Task: task("a"), Attempt: 3, Action: event.Resumed})
	s.at(6, attempt(3))
	if s.Paused("a") {
		t.Error("it goes on before it started")
	}
}

func TestExit(t *testing.T) {
	failed := func(id string, s event.Status) event.TaskFinished {
		return event.TaskFinished{Task: task(id), Status: s}
	}
	for _, tt := range []struct {
		claim  string
		events []event.Event
		code   int
		reason string
	}{
		{"a run without tasks succeeds", nil, 0, ""},
		{"a failed task is 1", []event.Event{failed("b", event.Failed), failed("a", event.TimedOut)}, 1, "build failed: a, b"},
		{"memory wins over other failures, and is named", []event.Event{failed("a", event.Failed), failed("b", event.OutOfMemory)}, 4, "build failed: a, b (out of memory: b)"},
		{"an attempt that is followed by another is no failure", []event.Event{event.TaskFinished{Task: task("a"), Status: event.OutOfMemory, Retry: true}}, 0, ""},
		{"the exit code of the run's last event stands", []event.Event{failed("a", event.Interrupted), event.RunFinished{ExitCode: 130, Reason: "build interrupted"}}, 130, "build interrupted"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var s story
			s.at(0, event.RunStarted{Target: "build"})
			for _, e := range tt.events {
				s.at(1, e)
			}
			if code, reason := s.exit(); code != tt.code || reason != tt.reason {
				t.Errorf("got %d %q", code, reason)
			}
		})
	}
}

func TestBound(t *testing.T) {
	for _, tt := range []struct {
		by    string
		want  time.Duration
		cpu   [3]time.Duration
		usage memtools.Bytes // for 20 s, of a budget of 2 GB
	}{
		{"order", 7, [3]time.Duration{1, 1, 1}, 1},
		{"processors", 20, [3]time.Duration{6, 8, 6}, 1},
		{"memory", 30, [3]time.Duration{1, 1, 1}, 3 * gb},
	} {
		t.Run(tt.by, func(t *testing.T) {
			var s story
			s.at(0, event.RunStarted{Budget: 2 * gb, CPUs: 1})
			s.at(0, event.RunPlanned{Tasks: []event.PlannedTask{{Task: task("a")}, {Task: task("b"), After: []string{"a"}}}})
			s.at(0, event.RunPlanned{Tasks: []event.PlannedTask{{Task: task("c")}}})
			ids := []string{"a", "b", "c"}
			for _, id := range ids {
				s.at(0, event.TaskStarted{Task: task(id), Usage: tt.usage, Budget: 2 * gb})
			}
			for i, id := range ids {
				f := succeeded(id, []time.Duration{3, 4, 6}[i]*time.Second, tt.cpu[i]*time.Second)
				f.Duration += time.Hour // a pause is not in the bound
				f.Frozen = time.Hour
				f.Usage = tt.usage
				s.at(20, f)
			}
			if got, by := s.bound(); by != tt.by || got != tt.want*time.Second {
				t.Errorf("got %v by %s, want %vs by %s", got, by, int(tt.want), tt.by)
			}
		})
	}
}

// TestUnused: what is reserved but not used counts while another task waits for memory.
func TestUnused(t *testing.T) {
	for _, tt := range []struct {
		claim       string
		basis       string
		concurrency int
		other       memtools.Bytes // the need of the task that is ready; zero for none
		retried     bool           // it has run before
		least, most memtools.Bytes
	}{
		{"while a task waits for memory", "history", 0, gb + 1, false, gb - 400, gb - 400},
		{"while one waits for its next attempt", "history", 0, gb + 1, true, gb - 400, gb - 400},
		{"not if nothing waits", "history", 0, 0, false, 0, 0},
		{"not if what waits would fit", "history", 0, gb, false, 0, 0},
		{"not if what waits lacks another task's end, not memory", "history", 1, gb + 1, false, 0, 0},
		{"not for a need that was a guess", event.FromNothing, 0, gb + 1, false, 0, 0},
		{"nor one from similar packages", event.FromSimilar, 0, gb + 1, false, 0, 0},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var s story
			s.at(0, event.RunStarted{Budget: 2 * gb, Concurrency: tt.concurrency})
			s.at(0, event.RunPlanned{Tasks: []event.PlannedTask{{Task: task("a"), Need: gb}, {Task: task("b"), Need: tt.other}, {Task: task("c"), Need: 4 * gb}}})
			a := started("a", gb)
			a.Basis = tt.basis
			switch {
			case tt.retried:
				s.at(0, started("b", tt.other))
				s.at(1, event.TaskFinished{Task: task("b"), Status: event.Stopped, Retry: true})
			case tt.other > 0:
				s.at(1, event.TaskQueued{Task: task("b")})
			}
			s.at(1, event.TaskQueued{Task: task("c")}) // it could never run beside another
			s.at(1, event.TaskSkipped{Task: task("c")})
			s.at(1, event.TaskQueued{Task: task("a")})
			s.at(1, a)
			s.at(1, event.Sample{Usage: 1, Budget: 2 * gb, Tasks: map[string]memtools.Bytes{"a": 400}})
			s.at(10, succeeded("a", 10*time.Second, 0))
			if tt.other > 0 {
				b := started("b", tt.other)
				s.at(10, b)
				s.at(99, succeeded("b", 10*time.Second, 0)) // all of it is unused, and nothing waits
			}
			if got := s.Summary().Unused; got < tt.least || got > tt.most {
				t.Errorf("%d are unused, want %d", got, tt.least)
			}
		})
	}
}

// TestBoundIsTold: the bound is part of the summary if it tells something.
func TestBoundIsTold(t *testing.T) {
	for _, tt := range []struct {
		claim string
		add   event.Event
		want  bool
	}{
		{"of tasks that are known from earlier runs", event.TaskStarted{Task: task("b"), Basis: "history"}, true},
		{"of tasks whose need is configured", event.TaskStarted{Task: task("b"), Basis: "packages: in heapmage.yaml"}, true},
		{"beside results that were known", event.TaskKnown{Task: task("b")}, true},
		{"not if a need was a guess", event.TaskStarted{Task: task("b"), Basis: event.FromNothing}, false},
		{"not if it was that of similar packages", event.TaskStarted{Task: task("b"), Basis: event.FromSimilar}, false},
		{"not if a task failed", event.TaskFinished{Task: task("b"), Status: event.Failed}, false},
		{"not if a task was skipped", event.TaskSkipped{Task: task("b")}, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var s story
			s.at(0, event.RunStarted{Budget: 2 * gb, CPUs: 2})
			s.at(0, started("a", gb))
			s.at(1, tt.add)
			s.at(2, succeeded("a", 2*time.Second, 2*time.Second))
			if f := s.Summary(); (f.Bound > 0) != tt.want || (f.BoundBy != "") != tt.want {
				t.Errorf("bound %v by %q", f.Bound, f.BoundBy)
			}
		})
	}
}

// TestBoundOfConcurrency: tasks of which only some may run at once take at least their time
// divided by that.
func TestBoundOfConcurrency(t *testing.T) {
	for concurrency, want := range map[int]string{0: "4s order", 1: "10s serial", 2: "5s concurrency", 4: "4s order"} {
		var s story
		s.at(0, event.RunStarted{Budget: 2 * gb, CPUs: 8, Concurrency: concurrency})
		s.at(0, event.RunPlanned{Tasks: []event.PlannedTask{{Task: task("a")}, {Task: task("b")}, {Task: task("c")}}})
		for i, id := range []string{"a", "b", "c"} {
			s.at(0, started(id, 1))
			s.at(float64(i), succeeded(id, []time.Duration{3, 3, 4}[i]*time.Second, 0))
		}
		if d, by := s.bound(); d.String()+" "+by != want {
			t.Errorf("%d at once: %v %s, want %s", concurrency, d, by, want)
		}
	}
}

// TestRecord: a recorded run gives the same state as the live one.
func TestRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s story
		s.at(0, event.RunStarted{Format: event.Format, Run: "x", Target: "build", Budget: 2 * gb, CPUs: 2})
		ids := []string{"a", "b", "c"}
		running := map[string]bool{}
		for n := range rapid.IntRange(0, 40).Draw(t, "events") {
			id := rapid.SampledFrom(ids).Draw(t, "task")
			usage := memtools.Bytes(rapid.IntRange(0, 1<<31).Draw(t, "usage"))
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0, 1:
				if running[id] {
					f := succeeded(id, time.Second, time.Second)
					f.Status = rapid.SampledFrom([]event.Status{event.Succeeded, event.Failed, event.OutOfMemory}).Draw(t, "status")
					f.Retry, f.Usage = f.Status != event.Succeeded && rapid.Bool().Draw(t, "retry"), usage
					s.at(float64(n), f)
				} else {
					s.at(float64(n), started(id, usage))
				}
				running[id] = !running[id]
			case 2:
				s.at(float64(n), event.Sample{Usage: usage, Budget: gb, Tasks: map[string]memtools.Bytes{id: usage}})
			case 3:
				s.at(float64(n), event.Correction{Task: task(id), Action: event.Paused})
			case 4:
				s.at(float64(n), event.Memory{Moment: event.AtTick, Usage: usage, Budget: gb})
			}
		}
		var text strings.Builder
		for _, e := range s.events {
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(append(line, '\n'))
		}
		events, err := event.Decode(strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		var again State
		for _, e := range events {
			again.Apply(e)
		}
		if a, b := s.Summary(), again.Summary(); a != b || !reflect.DeepEqual(s.running, again.running) {
			t.Errorf("live %+v\nreplayed %+v", a, b)
		}
	})
}

// keeper keeps what a reporter is given.
type keeper struct{ seen []string }

func (k *keeper) Take(_ event.Stamped, s *State) {
	k.seen = append(k.seen, strings.Repeat("x", s.Succeeded))
}

func TestReportersSeeTheStateWithTheirEvent(t *testing.T) {
	k := &keeper{}
	sink := NewSink(k)
	for range 2 {
		sink.Take(event.Stamped{Event: succeeded("a", 0, 0)})
	}
	if !slices.Equal(k.seen, []string{"x", "xx"}) {
		t.Errorf("%q", k.seen)
	}
	sink.Read(func(s *State) {
		if s.Succeeded != 2 {
			t.Errorf("%d", s.Succeeded)
		}
	})
}
