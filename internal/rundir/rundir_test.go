package rundir

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestOpen(t *testing.T) {
	run := func(t *testing.T, root, id string) *Run {
		t.Helper()
		s, notices, err := Open(root, id)
		if err != nil || len(notices) > 0 {
			t.Fatal(err, notices)
		}
		return s
	}
	t.Run("keeps a run that lasts, however many begin and end meanwhile", func(t *testing.T) {
		root := t.TempDir()
		long := run(t, root, "2026-000")
		for i := range kept + 5 {
			run(t, root, fmt.Sprintf("2026-%03d", i+1)).Close()
		}
		if err := os.WriteFile(long.Log("core#build", 1), nil, 0o600); err != nil {
			t.Error(err)
		}
		long.Close()
		run(t, root, "2027").Close()
		if _, err := os.Stat(long.Dir); err == nil {
			t.Error("it is kept for ever")
		}
	})
	t.Run("keeps the newest runs and stays out of version control", func(t *testing.T) {
		root := t.TempDir()
		for i := range kept + 5 {
			run(t, root, fmt.Sprintf("2026-%03d", i)).Close()
		}
		run(t, root, "2025").Close() // its clock was wrong
		if _, err := os.Stat(filepath.Join(root, Name, "runs", "2025")); err != nil {
			t.Errorf("a run removed its own folder: %v", err)
		}
		runs, err := os.ReadDir(filepath.Join(root, Name, "runs"))
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) != kept || runs[len(runs)-1].Name() != "2026-024" {
			t.Errorf("%d runs, the newest %s", len(runs), runs[len(runs)-1].Name())
		}
		if text, err := os.ReadFile(filepath.Join(root, Name, ".gitignore")); err != nil || string(text) != "*\n" {
			t.Errorf(".gitignore: %q, %v", text, err)
		}
	})
	t.Run("takes a temporary folder where the workspace cannot be written, and says so", func(t *testing.T) {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, Name), nil, 0o600); err != nil { // a file in the folder's place
			t.Fatal(err)
		}
		s, notices, err := Open(root, "1")
		if err != nil || len(notices) != 1 {
			t.Fatal(err, notices)
		}
		defer os.RemoveAll(s.Dir)
		if err := os.WriteFile(s.Log("core#build", 1), nil, 0o600); err != nil {
			t.Error(err)
		}
	})
}

func TestLogNamesAreFileNames(t *testing.T) {
	s := &Run{Dir: "/s", tasks: map[string]string{}}
	for id, want := range map[string]string{
		"@acme/core#build":       "/s/logs/acme-core-build.log",
		"basic (examples/a)#x:y": "/s/logs/basic-examples-a-x-y.log",
	} {
		if got := s.Log(id, 1); got != filepath.FromSlash(want) {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if a, b := s.Log("x/y#z", 1), s.Log("x-y#z", 1); a == b || s.Log("x/y#z", 1) != a {
		t.Errorf("two tasks write %s", a)
	}
	if got := s.Log("a#b", 2); got != filepath.FromSlash("/s/logs/a-b.2.log") {
		t.Errorf("a second attempt writes %s", got)
	}
}

func TestPaths(t *testing.T) {
	if got, want := HistoryFile("/w"), filepath.FromSlash("/w/.heapmage/history.jsonl"); got != want {
		t.Errorf("the history is at %s, want %s", got, want)
	}
	r := &Run{Dir: filepath.FromSlash("/w/.heapmage/runs/1")}
	if got, want := r.Events(), filepath.FromSlash("/w/.heapmage/runs/1/events.jsonl"); got != want {
		t.Errorf("the events are at %s, want %s", got, want)
	}
}

// everything lists all files and folders below root.
func everything(t *testing.T, root string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWritable(t *testing.T) {
	full := func(t *testing.T, root string) {
		t.Helper()
		for i := range kept {
			r, _, err := Open(root, fmt.Sprintf("2026-%03d", i))
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
	}
	for _, tt := range []struct {
		claim string
		setUp func(t *testing.T, root string)
		ok    bool
	}{
		{"a new workspace can be written", func(*testing.T, string) {}, true},
		{"so can one with as many runs as are kept", full, true},
		{"so can one with a .heapmage folder that is empty", func(t *testing.T, root string) {
			if err := os.Mkdir(filepath.Join(root, Name), 0o755); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"not one with a file in the folder's place", func(t *testing.T, root string) {
			if err := os.WriteFile(filepath.Join(root, Name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"not one that is gone", func(t *testing.T, root string) {
			if err := os.Remove(root); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if !tt.ok && runtime.GOOS == "windows" && tt.claim == "not one that is gone" {
				t.Skip("only an attempt to write would show it")
			}
			root := filepath.Join(t.TempDir(), "workspace")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			tt.setUp(t, root)
			before := everything(t, filepath.Dir(root))
			if err := Writable(root); (err == nil) != tt.ok {
				t.Errorf("%v", err)
			}
			if after := everything(t, filepath.Dir(root)); !slices.Equal(before, after) {
				t.Errorf("looking changed %v to %v", before, after)
			}
		})
	}
	t.Run("not one that its user may not write", func(t *testing.T) {
		if os.Geteuid() <= 0 {
			t.Skip("root may write everywhere, and Windows tells nothing")
		}
		root := t.TempDir()
		if err := os.Chmod(root, 0o500); err != nil {
			t.Fatal(err)
		}
		if Writable(root) == nil {
			t.Error("it can be written")
		}
	})
}
