package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// tree writes files of the given sizes under a new folder.
func tree(t *testing.T, files map[string]int) string {
	t.Helper()
	root := t.TempDir()
	for name, size := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestRememberSources: what a script generates among the sources is there before the
// next run, and is no growth then.
func TestRememberSources(t *testing.T) {
	root := tree(t, map[string]int{"pkg/src/a.ts": 1000})
	store, err := history.Open(historyFile(root))
	if err != nil {
		t.Fatal(err)
	}
	pkg := &workspace.Package{Name: "pkg", Dir: "pkg"}
	r := &run{prepared: &prepared{ws: &workspace.Workspace{Root: root, Packages: []*workspace.Package{pkg}}, config: &config.Config{}, history: store}}
	r.measureSources(r.everyPackage())
	if err := os.WriteFile(filepath.Join(root, "pkg/src/generated.ts"), make([]byte, 5000), 0o644); err != nil {
		t.Fatal(err)
	}
	task := unit{Task: &taskgraph.Task{ID: "pkg#build", Package: pkg, Target: "build"}}
	r.remember(task, schedule.Grant{}, heap{}, event.TaskFinished{Status: event.Succeeded, Peak: mb})
	if all := store.Samples("pkg#build"); len(all) != 1 || all[0].Sources != 6000 {
		t.Errorf("%+v, want sources of 6000", all)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRemoveHalfWritten(t *testing.T) {
	root := tree(t, map[string]int{
		"pkg/node_modules/.cache/new": 1, "pkg/dist/new.js": 1, "pkg/dist/old.js": 1, "pkg/dist/deep/new.js": 1, "pkg/dist/kept/new.js": 1, "pkg/src/new.ts": 1, "other/dist/new.js": 1,
	})
	since := time.Now().Add(-time.Minute)
	old := since.Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(root, "pkg/dist/old.js"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "other/dist/new.js"), filepath.Join(root, "pkg/dist/link.js")); err != nil {
		t.Fatal(err)
	}
	r := &run{prepared: &prepared{
		ws:     &workspace.Workspace{Root: root},
		config: &config.Config{Tasks: map[string]config.Task{"build": {Outputs: []string{"dist/**", "!dist/kept/**", "../other/**", "node_modules/.cache/**"}}}},
	}}
	task := &taskgraph.Task{ID: "pkg#build", Target: "build", Package: &workspace.Package{Name: "pkg", Dir: "pkg"}}
	if err := r.removeHalfWritten(task, since); err != nil {
		t.Fatal(err)
	}
	for name, stays := range map[string]bool{
		"pkg/dist/new.js": false, "pkg/dist/deep/new.js": false, "pkg/node_modules/.cache/new": false,
		"pkg/dist/old.js": true, "pkg/dist/kept/new.js": true, "pkg/dist/link.js": true, "pkg/src/new.ts": true, "other/dist/new.js": true,
	} {
		if _, err := os.Lstat(filepath.Join(root, name)); (err == nil) != stays {
			t.Errorf("%s: stays %v, want %v", name, err == nil, stays)
		}
	}
}

func TestLowerBound(t *testing.T) {
	a := &taskgraph.Task{ID: "a"}
	b := &taskgraph.Task{ID: "b", After: []*taskgraph.Task{a}}
	c := &taskgraph.Task{ID: "c"}
	ended := func(id string, duration, cpu time.Duration) event.TaskFinished {
		return event.TaskFinished{Task: event.Task{ID: id}, Status: event.Succeeded, Duration: duration * time.Second, CPU: cpu * time.Second}
	}
	for _, tt := range []struct {
		by    string
		want  time.Duration
		ended []event.TaskFinished
		area  float64 // GB times seconds
	}{
		{"order", 7, []event.TaskFinished{ended("a", 3, 1), ended("b", 4, 1), ended("c", 6, 1)}, 1},
		{"processors", 20, []event.TaskFinished{ended("a", 3, 6), ended("b", 4, 8), ended("c", 6, 6)}, 1},
		{"memory", 30, []event.TaskFinished{ended("a", 3, 1), ended("b", 4, 1), ended("c", 6, 1)}, 60},
	} {
		for i := range tt.ended { // what froze them is not in the bound
			tt.ended[i].Duration += time.Hour
			tt.ended[i].Frozen = time.Hour
		}
		r := &run{prepared: &prepared{
			graph: &taskgraph.Graph{Tasks: []*taskgraph.Task{a, b, c}}, budget: 2 * memtools.GB, limits: memtools.Limits{CPUQuota: 1},
		}, ended: tt.ended}
		if got, by := r.lowerBound(tt.area * float64(memtools.GB)); by != tt.by || got != tt.want*time.Second {
			t.Errorf("got %v by %s, want %vs by %s", got, by, int(tt.want), tt.by)
		}
	}
}

// TestRemoveHalfWrittenStaysInside: whatever the patterns say, nothing is removed
// outside of the package, in another package below it, or of what was installed.
func TestRemoveHalfWrittenStaysInside(t *testing.T) {
	root := tree(t, map[string]int{"shared/user.js": 1, "pkg/own.js": 1, "pkg/inner/user.js": 1, "pkg/node_modules/x/user.js": 1, "pkg/.git/user.js": 1})
	for from, to := range map[string]string{"pkg/dist": "shared", "pkg/deep/dist": "shared", "pkg/up": "."} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(from)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	inner := &workspace.Package{Name: "inner", Dir: "pkg/inner"}
	pkg := &workspace.Package{Name: "pkg", Dir: "pkg"}
	for _, pattern := range []string{"dist/**", "dist/*.js", "dist/user.js", "deep/dist/**", "*/dist/user.js", "**", "**/user.js", "up/shared/*.js", "inner/**"} {
		r := &run{prepared: &prepared{
			ws:     &workspace.Workspace{Root: root, Packages: []*workspace.Package{pkg, inner}},
			config: &config.Config{Tasks: map[string]config.Task{"build": {Outputs: []string{pattern}}}},
		}}
		if err := r.removeHalfWritten(&taskgraph.Task{ID: "pkg#build", Target: "build", Package: pkg}, time.Now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"shared/user.js", "pkg/inner/user.js", "pkg/node_modules/x/user.js", "pkg/.git/user.js"} {
			if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s: %s is gone", pattern, name)
				if err := os.WriteFile(filepath.Join(root, name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "pkg/own.js")); err == nil {
		t.Error("what the package wrote itself stays")
	}
}

func TestWorthSeeing(t *testing.T) {
	const gb, mb = memtools.GB, memtools.MB
	from := func(need memtools.Bytes) estimate.Prediction {
		return estimate.Prediction{Need: need, Basis: estimate.FromHistory}
	}
	for _, tt := range []struct {
		claim  string
		known  estimate.Prediction
		atOnce int
		want   bool
	}{
		{"what is not known", estimate.Prediction{Need: 10 * mb}, 1, true},
		{"a task that may make memory short alone", from(5 * gb), 1, true},
		{"not one that cannot", from(2 * gb), 1, false},
		{"but where many of its kind can", from(2 * gb), 8, true},
		{"not a small one, however many", from(200 * mb), 64, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := worthSeeing(tt.known, tt.atOnce, 8*gb); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
