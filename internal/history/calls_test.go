package history

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

func TestWithoutArgs(t *testing.T) {
	for task, want := range map[string]string{
		"core#test": "core#test", "core#test --a 'b#c d'": "core#test", "my folder#test": "my folder#test", "my folder#test x": "my folder#test", "no task": "no", "": "",
	} {
		if got := WithoutArgs(task); got != want {
			t.Errorf("%q: got %q, want %q", task, got, want)
		}
	}
}

// What a task took with other arguments says nothing, and without any counts until it ran with
// its own.
func TestArgumentsCount(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "history", "history.jsonl"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	need := func(task string) memtools.Bytes { return s.Predict(estimate.Question{Task: task}).Need }
	add := func(task string, peak memtools.Bytes) {
		t.Helper()
		if err := s.Add(task, estimate.Sample{Time: time.Now(), Outcome: estimate.Succeeded, Peak: peak}); err != nil {
			t.Fatal(err)
		}
	}
	add("core#test", 500*memtools.MB)
	add("core#test --coverage", 2000*memtools.MB)
	if with, without, other := need("core#test --coverage"), need("core#test"), need("core#test --bail"); with < 2000*memtools.MB || without > 1000*memtools.MB || other != without {
		t.Errorf("with %v, without %v, with others %v", with, without, other)
	}
	for task, want := range map[string]bool{"core#test --bail": true, "core#test": true, "core#lint --bail": false} {
		if s.EverSucceeded(task) != want {
			t.Errorf("%s: succeeded is %v", task, !want)
		}
	}
}

// Calls with ever other arguments do not make the file grow forever, and a task itself stays.
func TestCallsAreThinned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history", "history.jsonl")
	now := time.Now().Add(-time.Hour)
	add := func(s *Store, task string, minutes int) {
		t.Helper()
		if err := s.Add(task, estimate.Sample{Time: now.Add(time.Duration(minutes) * time.Minute), Outcome: estimate.Succeeded, Peak: memtools.MB}); err != nil {
			t.Fatal(err)
		}
	}
	reopened := func() (*Store, []string) {
		t.Helper()
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s, s.Tasks()
	}
	s, _ := reopened()
	add(s, "core#lint", 0)
	for i := range 2 * mostCalls {
		add(s, fmt.Sprintf("core#lint file%d.js", i), i)
	}
	if _, tasks := reopened(); len(tasks) != 1+2*mostCalls {
		t.Errorf("%d tasks are left before there are too many", len(tasks))
	}
	add(s, "core#lint --cache", 59)
	if _, tasks := reopened(); len(tasks) != 1+mostCalls || !slices.Contains(tasks, "core#lint") || !slices.Contains(tasks, "core#lint --cache") ||
		slices.Contains(tasks, "core#lint file0.js") || !slices.Contains(tasks, fmt.Sprintf("core#lint file%d.js", 2*mostCalls-1)) {
		t.Errorf("left are %q", tasks)
	}
}
