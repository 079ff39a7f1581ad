package rundir

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	run := func(t *testing.T, root, id string) *Run {
		t.Helper()
		s, notices := Open(root, id)
		if len(notices) > 0 {
			t.Fatal(notices)
		}
		return s
	}
	t.Run("keeps a run that lasts, however many begin and end meanwhile", func(t *testing.T) {
		root := t.TempDir()
		long := run(t, root, id(0))
		for i := range kept + 5 {
			run(t, root, id(i+1)).Close()
		}
		if _, err := os.Stat(long.Dir); err != nil {
			t.Error(err)
		}
		long.Close()
		run(t, root, id(500)).Close()
		if _, err := os.Stat(long.Dir); err == nil {
			t.Error("it is kept for ever")
		}
	})
	t.Run("keeps the newest runs and stays out of version control", func(t *testing.T) {
		root := t.TempDir()
		for i := range kept + 5 {
			run(t, root, id(i+100)).Close()
		}
		run(t, root, id(1)).Close() // its clock was wrong
		if _, err := os.Stat(filepath.Join(root, Name, "runs", id(1))); err != nil {
			t.Errorf("a run removed its own folder: %v", err)
		}
		runs, err := os.ReadDir(filepath.Join(root, Name, "runs"))
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) != kept || runs[len(runs)-1].Name() != id(124) {
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
		s, notices := Open(root, id(1))
		if len(notices) != 1 {
			t.Fatal(notices)
		}
		defer os.RemoveAll(s.Dir)
		defer s.Close()
		if got := logged(t, s, "core#build", "x"); got != "x" || s.Lost() != "" {
			t.Errorf("its log holds %q, lost is %q", got, s.Lost())
		}
	})
}

// id is an id as runs have them; a larger n is a later one.
func id(n int) string { return fmt.Sprintf("%024x", n) }

// logged is what the log of a task holds after it was written and closed.
func logged(t *testing.T, r *Run, task, text string) string {
	t.Helper()
	l := r.Log(task, 1)
	if _, err := l.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	return content(t, r, l.Path)
}

func content(t *testing.T, r *Run, path string) string {
	t.Helper()
	source, err := r.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	text := make([]byte, source.Size())
	if _, err := source.ReadAt(text, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return string(text)
}

func TestLogNamesAreFileNames(t *testing.T) {
	s := &Run{tasks: map[string]string{}}
	for task, want := range map[string]string{
		"@acme/core#build":       "acme-core-build",
		"basic (examples/a)#x:y": "basic-examples-a-x-y",
		"b\xff\x1b[2J\n#build":   "b-2J-build",
	} {
		if got := s.nameLocked(task); got != want {
			t.Errorf("%s: %s, want %s", task, got, want)
		}
	}
	if a, b := s.nameLocked("x/y#z"), s.nameLocked("x-y#z"); a == b || s.nameLocked("x/y#z") != a {
		t.Errorf("two tasks write %s", a)
	}
	if a, b := s.nameLocked("Core#build"), s.nameLocked("core#build"); strings.EqualFold(a, b) {
		t.Errorf("two tasks write %s where case is ignored", a)
	}
	long := strings.Repeat("x", 5000)
	a, b := s.nameLocked(long+"#build"), s.nameLocked(long+"#test")
	if a == b || len(a) > 200 || len(b) > 200 {
		t.Errorf("a long name becomes %s and %s", a, b)
	}
}

func TestPaths(t *testing.T) {
	if got, want := HistoryFile("/w"), filepath.FromSlash("/w/.heapmage/history.jsonl"); got != want {
		t.Errorf("the history is at %s, want %s", got, want)
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
			r, _ := Open(root, id(i))
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
		{"not one with a link in its place", func(t *testing.T, root string) {
			if err := os.Symlink(t.TempDir(), filepath.Join(root, Name)); err != nil {
				t.Skip(err)
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
