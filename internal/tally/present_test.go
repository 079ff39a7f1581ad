package tally

import (
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// planned is a task of a plan.
func planned(id string, need memtools.Bytes, length time.Duration, after ...string) event.PlannedTask {
	return event.PlannedTask{Task: task(id), Need: need, Length: length, After: after}
}

func TestWaiting(t *testing.T) {
	var s story
	s.at(0, event.RunStarted{Target: "build", Budget: 2 * gb, CPUs: 2})
	s.at(0, event.RunPlanned{Tasks: []event.PlannedTask{
		planned("a", gb, 0), planned("b", gb/2, 0), planned("large", 2*gb, 0), planned("small", gb/2, 0), planned("last", gb, 0, "a"), planned("known", gb, 0),
	}})
	wants := func(want Waiting) {
		t.Helper()
		if got := s.Waiting(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	s.at(0, event.Memory{Usage: 1, Budget: 2 * gb})
	wants(Waiting{Order: 6})
	for _, id := range []string{"a", "b", "large", "small"} {
		s.at(0, event.TaskQueued{Task: task(id)})
	}
	s.at(0, event.TaskKnown{Task: task("known")})
	wants(Waiting{Turn: 4, Order: 1})
	s.at(1, started("b", gb/2))
	s.at(2, started("a", gb))
	s.at(3, event.Sample{Usage: gb, Budget: 2 * gb, Tasks: map[string]memtools.Bytes{"a": gb / 4, "b": gb / 4, "command": gb / 2}})
	wants(Waiting{Memory: 2, Order: 1}) // a and b have reserved 1.5 GB, and a runner holds the rest
	s.at(3, event.Sample{Usage: gb / 2, Budget: 2 * gb, Tasks: map[string]memtools.Bytes{"a": gb / 4, "b": gb / 4}})
	wants(Waiting{Memory: 1, Turn: 1, Order: 1})
	s.at(3, event.Sample{Usage: gb, Budget: 2 * gb, Tasks: map[string]memtools.Bytes{"a": gb / 4, "b": gb * 3 / 4}})
	wants(Waiting{Memory: 2, Order: 1})
	if running := s.Running(); len(running) != 2 || running[0].ID != "b" || running[0].Usage != gb*3/4 || !running[1].Since.Equal(s.events[0].Time.Add(2*time.Second)) {
		t.Errorf("%+v", running)
	}
	s.Run.Concurrency = 2
	wants(Waiting{Turn: 2, Order: 1})
	s.at(4, event.TaskFinished{Task: task("a"), Status: event.OutOfMemory, Retry: true})
	wants(Waiting{Memory: 1, Turn: 2, Order: 1})
	s.at(5, started("a", gb))
	s.at(6, event.TaskFinished{Task: task("a"), Status: event.Failed})
	s.at(6, event.TaskSkipped{Task: task("last")})
	wants(Waiting{Memory: 1, Turn: 1})
}

func TestLeft(t *testing.T) {
	const minute = time.Minute
	three := []event.PlannedTask{planned("a", gb, minute), planned("b", gb, minute), planned("c", gb, minute, "a")}
	for _, tt := range []struct {
		claim       string
		run         event.RunStarted
		tasks       []event.PlannedTask
		then        []event.Event // after 0, 10, 20 … seconds
		wantSeconds float64       // 0 if it is not known
	}{
		{"the longest chain", event.RunStarted{CPUs: 8}, three, nil, 120},
		{"processor time", event.RunStarted{CPUs: 1}, three, nil, 180},
		{"the number of tasks at once", event.RunStarted{Concurrency: 1}, three, nil, 180},
		{"memory", event.RunStarted{CPUs: 8}, []event.PlannedTask{planned("a", 2*gb, minute), planned("b", 2*gb, minute), planned("c", 2*gb, minute)}, nil, 180},
		{"less what those that run have done", event.RunStarted{CPUs: 8}, three, []event.Event{started("a", gb), started("b", gb), event.Sample{}}, 100},
		{"without what is known and skipped", event.RunStarted{CPUs: 8}, three, []event.Event{event.TaskKnown{Task: task("a")}, event.TaskSkipped{Task: task("c")}}, 60},
		{"nothing if a length is unknown", event.RunStarted{CPUs: 8}, append([]event.PlannedTask{planned("x", gb, 0)}, three...), nil, 0},
		{"nothing once all that is left takes longer than planned", event.RunStarted{CPUs: 8}, []event.PlannedTask{planned("a", gb, 15*time.Second)}, []event.Event{started("a", gb), event.Sample{}, event.Sample{}}, 0},
		{"processors that tasks keep busy", event.RunStarted{CPUs: 2}, []event.PlannedTask{{Task: task("a"), Length: minute, Cores: 4}}, nil, 120},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var s story
			s.at(0, tt.run)
			s.at(0, event.RunPlanned{Tasks: tt.tasks})
			s.at(0, event.Memory{Usage: 1, Budget: 2 * gb})
			for i, e := range tt.then {
				s.at(float64(10*i), e)
			}
			left, ok := s.Left(s.events[len(s.events)-1].Time)
			if left.Seconds() != tt.wantSeconds || ok != (tt.wantSeconds > 0) {
				t.Errorf("%v, %v", left, ok)
			}
		})
	}
}
