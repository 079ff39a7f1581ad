package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestOpenState(t *testing.T) {
	run := func(t *testing.T, root, id string) state {
		t.Helper()
		s, notices, err := openState(root, id)
		if err != nil || len(notices) > 0 {
			t.Fatal(err, notices)
		}
		return s
	}
	t.Run("keeps a run that lasts, however many begin and end meanwhile", func(t *testing.T) {
		root := t.TempDir()
		long := run(t, root, "2026-000")
		for i := range keptRuns + 5 {
			run(t, root, fmt.Sprintf("2026-%03d", i+1)).close()
		}
		if err := os.WriteFile(long.log("core#build", 1), nil, 0o600); err != nil {
			t.Error(err)
		}
		long.close()
		run(t, root, "2027").close()
		if _, err := os.Stat(long.dir); err == nil {
			t.Error("it is kept for ever")
		}
	})
	t.Run("keeps the newest runs and stays out of version control", func(t *testing.T) {
		root := t.TempDir()
		for i := range keptRuns + 5 {
			run(t, root, fmt.Sprintf("2026-%03d", i)).close()
		}
		run(t, root, "2025").close() // its clock was wrong
		if _, err := os.Stat(filepath.Join(root, stateDir, "runs", "2025")); err != nil {
			t.Errorf("a run removed its own folder: %v", err)
		}
		runs, err := os.ReadDir(filepath.Join(root, stateDir, "runs"))
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) != keptRuns || runs[len(runs)-1].Name() != "2026-024" {
			t.Errorf("%d runs, the newest %s", len(runs), runs[len(runs)-1].Name())
		}
		if text, err := os.ReadFile(filepath.Join(root, stateDir, ".gitignore")); err != nil || string(text) != "*\n" {
			t.Errorf(".gitignore: %q, %v", text, err)
		}
	})
	t.Run("takes a temporary folder where the workspace cannot be written, and says so", func(t *testing.T) {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, stateDir), nil, 0o600); err != nil { // a file in the folder's place
			t.Fatal(err)
		}
		s, notices, err := openState(root, "1")
		if err != nil || len(notices) != 1 {
			t.Fatal(err, notices)
		}
		defer os.RemoveAll(s.dir)
		if err := os.WriteFile(s.log("core#build", 1), nil, 0o600); err != nil {
			t.Error(err)
		}
	})
}

func TestLogNamesAreFileNames(t *testing.T) {
	s := newState("/s", "/s")
	for id, want := range map[string]string{
		"@acme/core#build":       "/s/logs/acme-core-build.log",
		"basic (examples/a)#x:y": "/s/logs/basic-examples-a-x-y.log",
	} {
		if got := s.log(id, 1); got != filepath.FromSlash(want) {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if a, b := s.log("x/y#z", 1), s.log("x-y#z", 1); a == b || s.log("x/y#z", 1) != a {
		t.Errorf("two tasks write %s", a)
	}
	if got := s.log("a#b", 2); got != filepath.FromSlash("/s/logs/a-b.2.log") {
		t.Errorf("a second attempt writes %s", got)
	}
}
