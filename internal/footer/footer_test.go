package footer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/memtools"
)

// story is what has happened in a run so far, in seconds since it began.
type story struct {
	state  tally.State
	footer Footer
}

func mb(f float64) memtools.Bytes { return memtools.Bytes(f * float64(memtools.MB)) }

func task(label string) event.Task {
	return event.Task{ID: label + "#build", Label: label, Target: "build"}
}

var began = time.Unix(1000, 0)

func newStory(events ...any) *story {
	s := &story{footer: Footer{Marks: memtools.DefaultThresholds, Normal: fmt.Sprint, Warning: fmt.Sprint, Critical: fmt.Sprint, Faint: fmt.Sprint}}
	for _, e := range events {
		s.at(0, e)
	}
	return s
}

func (s *story) at(seconds float64, e any) {
	if s.footer.Size == nil {
		s.footer.Size = func() (int, int) { return 0, 0 }
	}
	if v, ok := e.(event.Event); ok {
		stamped := event.Stamped{Time: began.Add(time.Duration(seconds * float64(time.Second))), Event: v}
		s.state.Apply(stamped)
		s.footer.Take(stamped, &s.state)
	}
}

func (s *story) lines(seconds float64, width, height int) []string {
	return s.footer.layout(&s.state, began.Add(time.Duration(seconds*float64(time.Second))), width, height)
}

// planned plans tasks of a minute and a gigabyte.
func planned(labels ...string) event.RunPlanned {
	var p event.RunPlanned
	for _, label := range labels {
		p.Tasks = append(p.Tasks, event.PlannedTask{Task: task(label), Need: memtools.GB, Length: time.Minute})
	}
	return p
}

// busy is a run with six tasks: one is known, one has failed, two run of which one is paused, one
// waits for memory and one for another.
func busy() *story {
	tasks := planned("icons", "docs", "core", "@acme/a-package-with-a-long-name", "web", "end")
	tasks.Tasks[5].After = []string{tasks.Tasks[4].ID}
	s := newStory(event.RunStarted{Target: "build", Tasks: 6, CPUs: 4}, tasks)
	s.at(0, event.TaskKnown{Task: task("icons")})
	s.at(0, event.TaskStarted{Task: task("docs"), Need: mb(100), Usage: 1, Budget: 2 * memtools.GB})
	s.at(1, event.TaskFinished{Task: task("docs"), Status: event.Failed})
	s.at(1, event.TaskQueued{Task: task("web")})
	s.at(1, event.TaskStarted{Task: task("core"), Attempt: 1, Need: mb(1024), Usage: 1, Budget: 2 * memtools.GB})
	s.at(40, event.TaskStarted{Task: task("@acme/a-package-with-a-long-name"), Attempt: 1, Need: mb(512), Usage: 1, Budget: 2 * memtools.GB})
	s.at(41, event.Correction{Task: task("@acme/a-package-with-a-long-name"), Attempt: 1, Action: event.Paused})
	s.at(46, event.Sample{Usage: mb(1638.4), Budget: 2 * memtools.GB, Tasks: map[string]memtools.Bytes{"core#build": mb(1100.4), "@acme/a-package-with-a-long-name#build": mb(500)}})
	return s
}

func TestFooter(t *testing.T) {
	for _, tt := range []struct {
		claim         string
		width, height int
		want          string
	}{
		{"tells all in 80 columns", 80, 24, `
RUNNING                            MEMORY     NEED    TIME
core                               1100MB   1024MB     45s
@acme/a-package-with-a-long-name    500MB    512MB  paused
[█████████████████████████████████████████|█░     |     ] 1638MB / 2048MB (80%)
46s, 1 of 6 done (1 known), 1 failed, about 2m00s left
waiting: 1 for memory, 1 for other tasks
`},
		{"shortens names in 40 columns", 40, 24, `
RUNNING         MEMORY     NEED    TIME
core            1100MB   1024MB     45s
@acme/a-pack…    500MB    512MB  paused
[███████████| | ] 1638MB / 2048MB (80%)
46s, 1 of 6 done (1 known), 1 failed
about 2m00s left
waiting: 1 for memory
`},
		{"is one line if the terminal has few", 80, 8, `
1638MB / 2048MB, 2 running, 46s, 1 of 6 done (1 known), 1 failed
`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := "\n" + strings.Join(busy().lines(46, tt.width, tt.height), "\n") + "\n"; got != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("does not stand in a terminal that is tiny or unknown", func(t *testing.T) {
		for _, size := range [][2]int{{0, 0}, {20, 24}, {80, 3}} {
			if lines := busy().lines(46, size[0], size[1]); lines != nil {
				t.Error(size, lines)
			}
		}
	})
	t.Run("fits every terminal, and ends with ASCII", func(t *testing.T) {
		for _, n := range []int{0, 1, 5, 12, 200} {
			s := many(n)
			for width := 25; width < 200; width += 7 {
				for height := 4; height < 60; height += 3 {
					lines := s.lines(70, width, height)
					if len(lines) == 0 || len(lines) > max(1, height/2) || len(lines) > 2+mostTasks+1+mostCounts {
						t.Errorf("%d tasks in %dx%d: %d lines", n, width, height, len(lines))
					}
					for i, line := range lines {
						if uniseg.StringWidth(line) >= width || i == len(lines)-1 && len(line) != uniseg.StringWidth(line) {
							t.Errorf("%d tasks in %dx%d: %q", n, width, height, line)
						}
					}
				}
			}
		}
	})
	t.Run("counts the tasks that it does not list", func(t *testing.T) {
		if text := strings.Join(many(200).lines(70, 80, 50), "\n"); !strings.Contains(text, "and 190 more") {
			t.Error(text)
		}
	})
	t.Run("tells what all tasks wait for before the first one", func(t *testing.T) {
		s := newStory(event.RunStarted{Target: "build", Tasks: 2, CPUs: 4}, planned("core", "web"), event.StepStarted{Step: "Installing dependencies"})
		if text := strings.Join(s.lines(1, 80, 24), "\n"); !strings.HasSuffix(text, "\nwaiting for: Installing dependencies") {
			t.Error(text)
		}
		s.at(2, event.StepFinished{Step: "Installing dependencies"})
		if text := strings.Join(s.lines(2, 80, 24), "\n"); !strings.HasSuffix(text, "\nwaiting: 2 for other tasks") {
			t.Error(text)
		}
	})
	t.Run("tells no rest of the time if the length of a task is unknown", func(t *testing.T) {
		tasks := planned("core", "web")
		s := newStory(event.RunStarted{Target: "build", Tasks: 2, CPUs: 4}, tasks)
		if text := strings.Join(s.lines(1, 80, 24), "\n"); !strings.Contains(text, "about 1m00s left") {
			t.Error(text)
		}
		tasks.Tasks[1].Length = 0
		s = newStory(event.RunStarted{Target: "build", Tasks: 2, CPUs: 4}, tasks)
		if text := strings.Join(s.lines(1, 80, 24), "\n"); strings.Contains(text, "left") {
			t.Error(text)
		}
	})
	t.Run("comes half a second after the run has begun", func(t *testing.T) {
		s := newStory(event.RunStarted{Target: "build", Tasks: 1})
		for _, after := range []time.Duration{0, 499 * time.Millisecond, 500 * time.Millisecond} {
			if _, changed := s.footer.Take(event.Stamped{Time: began.Add(after), Event: event.Sample{}}, &s.state); changed != (after >= 500*time.Millisecond) {
				t.Errorf("after %v: %v", after, changed)
			}
		}
	})
	t.Run("changes at most four times a second, and ends with the run", func(t *testing.T) {
		s := busy()
		s.footer.Size = func() (int, int) { return 80, 24 }
		changes := 0
		for n := range 100 { // in two seconds
			if _, changed := s.footer.Take(event.Stamped{Time: began.Add(time.Minute + time.Duration(n)*20*time.Millisecond), Event: event.Sample{}}, &s.state); changed {
				changes++
			}
		}
		if changes < 7 || changes > 9 {
			t.Errorf("%d changes", changes)
		}
		if lines, changed := s.footer.Take(event.Stamped{Event: event.RunFinished{}}, &s.state); lines != nil || !changed {
			t.Error(lines, changed)
		}
	})
}

// many is a run with many tasks at once, with names in several scripts.
func many(n int) *story {
	s := newStory(event.RunStarted{Target: "build", Tasks: n + 1, CPUs: 64})
	sample := event.Sample{Budget: 8 * memtools.GB, Tasks: map[string]memtools.Bytes{}}
	for i := range n {
		t := task(fmt.Sprintf("包裹-e\u0301-%d-\x1b[2J", i))
		s.at(float64(i)/10, event.TaskStarted{Task: t, Attempt: 1, Need: mb(100), Usage: 1, Budget: 8 * memtools.GB})
		sample.Tasks[t.ID] = mb(float64(i))
		sample.Usage += mb(float64(i))
	}
	s.at(60, sample)
	return s
}
