package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/history"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/rundir"
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

// TestRememberSources: the next run must not take sources that a script generated for
// growth.
func TestRememberSources(t *testing.T) {
	root := tree(t, map[string]int{"pkg/src/a.ts": 1000})
	store, err := history.Open(rundir.HistoryFile(root), history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pkg := &workspace.Package{Name: "pkg", Dir: "pkg"}
	packages := []*workspace.Package{pkg}
	measured := sources.New(root, packages)
	measured.Measure(packages)
	if err := os.WriteFile(filepath.Join(root, "pkg/src/generated.ts"), make([]byte, 5000), 0o644); err != nil {
		t.Fatal(err)
	}
	a := attempt{
		run:      &run{prepared: &prepared{&place.Prepared{Place: &place.Place{Workspace: &workspace.Workspace{Root: root, Packages: packages}}, History: store, Sources: measured}}},
		task:     &taskgraph.Task{ID: "pkg#build", Package: pkg, Target: "build"},
		finished: event.TaskFinished{Status: event.Succeeded, Peak: memtools.MB},
	}
	a.remember()
	a.task.Args = []string{"--coverage", "a b"}
	a.remember()
	if all := store.Samples("pkg#build --coverage 'a b'"); len(all) != 1 {
		t.Errorf("%+v, want one of the call with arguments", all)
	}
	if all := store.Samples("pkg#build"); len(all) != 1 || all[0].Sources != 6000 {
		t.Errorf("%+v, want sources of 6000", all)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
