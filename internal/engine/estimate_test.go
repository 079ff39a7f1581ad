package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/sources"
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

// TestRememberSources: the sources that a script generates are there before the next
// run, which must not take them for growth.
func TestRememberSources(t *testing.T) {
	root := tree(t, map[string]int{"pkg/src/a.ts": 1000})
	store, err := history.Open(historyFile(root))
	if err != nil {
		t.Fatal(err)
	}
	pkg := &workspace.Package{Name: "pkg", Dir: "pkg"}
	packages := []*workspace.Package{pkg}
	measured := sources.Measure(root, packages, packages)
	if err := os.WriteFile(filepath.Join(root, "pkg/src/generated.ts"), make([]byte, 5000), 0o644); err != nil {
		t.Fatal(err)
	}
	a := attempt{
		run: &run{prepared: &prepared{place: &place{ws: &workspace.Workspace{Root: root, Packages: packages}}, history: store, sources: measured},
			args: func(*taskgraph.Task) []string { return nil }},
		task:     &taskgraph.Task{ID: "pkg#build", Package: pkg, Target: "build"},
		finished: event.TaskFinished{Status: event.Succeeded, Peak: memtools.MB},
	}
	a.remember()
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
	r := &place{
		ws:     &workspace.Workspace{Root: root},
		config: &config.Config{Tasks: map[string]config.Task{"build": {Outputs: []string{"dist/**", "!dist/kept/**", "../other/**", "node_modules/.cache/**"}}}},
	}
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
		r := &place{
			ws:     &workspace.Workspace{Root: root, Packages: []*workspace.Package{pkg, inner}},
			config: &config.Config{Tasks: map[string]config.Task{"build": {Outputs: []string{pattern}}}},
		}
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
