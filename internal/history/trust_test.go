package history

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// state makes a folder for a history, and a file of the user's outside of it.
func state(t *testing.T) (path, foreign string) {
	t.Helper()
	root := t.TempDir()
	path, foreign = filepath.Join(root, ".heapmage", "history.jsonl"), filepath.Join(root, "foreign")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, []byte("the user's\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, foreign
}

// TestNoLinkIsFollowed: whatever name in the folder leads elsewhere, the file there is
// neither changed nor made.
func TestNoLinkIsFollowed(t *testing.T) {
	for _, name := range []string{"history.jsonl", "history.jsonl.damaged", "history.jsonl.damaged.new", "history.jsonl.new", "history.jsonl.lock", ".gitignore"} {
		for kind, link := range map[string]func(from, to string) error{"link": os.Symlink, "hard link": os.Link} {
			if kind == "hard link" && (name == "history.jsonl" || name == "history.jsonl.lock" || name == ".gitignore") {
				continue // nothing but lines of a history are ever added to it; the others are not written
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				path, foreign := state(t)
				if name != "history.jsonl" {
					if err := os.WriteFile(path, []byte("garbage\n"), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if err := link(foreign, filepath.Join(filepath.Dir(path), name)); err != nil {
					t.Skip(err)
				}
				if s, err := Open(path, Options{}); err == nil {
					_, _ = s.Add("a#build", run(1)), s.Flush()
					_, _ = s.Import("x", []byte(`{"heapmageHistory": 1, "tasks": {"b": [{"outcome": "succeeded"}]}}`))
					_ = s.Close()
				}
				if text, err := os.ReadFile(foreign); err != nil || string(text) != "the user's\n" {
					t.Errorf("the user's file holds %q, %v", text, err)
				}
			})
		}
	}
	t.Run("nor is a file made at the end of one", func(t *testing.T) {
		path, foreign := state(t)
		if err := os.Remove(foreign); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"history.jsonl.damaged", "history.jsonl.new", "history.jsonl.lock", ".gitignore"} {
			if err := os.Symlink(foreign, filepath.Join(filepath.Dir(path), name)); err != nil {
				t.Skip(err)
			}
		}
		s := open(t, path)
		_, _ = s.Add("a#build", run(1)), s.Flush()
		if _, err := os.Lstat(foreign); err == nil {
			t.Error("it was made")
		}
	})
	t.Run("nor is the folder itself", func(t *testing.T) {
		path, _ := state(t)
		other := t.TempDir()
		if err := os.Remove(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(other, filepath.Dir(path)); err != nil {
			t.Skip(err)
		}
		if s, err := Open(path, Options{}); err == nil {
			_, _ = s.Add("a#build", run(1)), s.Flush()
		}
		if entries, _ := os.ReadDir(other); len(entries) > 0 {
			t.Errorf("it holds %v", entries)
		}
	})
}

func TestReadOnly(t *testing.T) {
	path, _ := state(t)
	wasteful := strings.Repeat(string(appendLine(nil, "a#build", run(1))), 500)
	if err := os.WriteFile(path, []byte(wasteful+"garbage\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Samples("a#build")) == 0 || s.Damaged() != 1 {
		t.Errorf("%d samples, %d damaged", len(s.Samples("a#build")), s.Damaged())
	}
	if s.Add("a#build", run(1)) == nil {
		t.Error("a sample was added")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if text, _ := os.ReadFile(path); err != nil || len(entries) != 1 || string(text) != wasteful+"garbage\n" {
		t.Errorf("there are %v, %v, and %d bytes of history", entries, err, len(text))
	}
	t.Run("makes no folder", func(t *testing.T) {
		gone := filepath.Join(t.TempDir(), ".heapmage", "history.jsonl")
		if _, err := Open(gone, Options{ReadOnly: true}); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Dir(gone)); err == nil {
			t.Error("there is one")
		}
	})
}

// TestUnbelievableSamples: a date in the future would never be superseded, and a peak
// beyond all machines would keep its task from running.
func TestUnbelievableSamples(t *testing.T) {
	const machine = 24 * memtools.GB
	future := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(when time.Time, peak memtools.Bytes) estimate.Sample {
		return estimate.Sample{Time: when, Outcome: estimate.Succeeded, Peak: peak}
	}
	t.Run("in the file: from later is from now, too large is damaged", func(t *testing.T) {
		path, _ := state(t)
		text := appendLine(nil, "late", at(future, memtools.GB))
		text = appendLine(text, "large", at(time.Now(), 900_000*memtools.MB))
		text = appendLine(text, "far larger", at(time.Now(), maxSize))
		text = appendLine(text, "of a larger machine", at(time.Now(), 4*machine))
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{Machine: machine})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Tasks(); s.Damaged() != 2 || !slices.Equal(got, []string{"late", "of a larger machine"}) {
			t.Errorf("%d damaged, tasks %v", s.Damaged(), got)
		}
		if when := s.Samples("late")[0].Time; time.Until(when) > time.Minute {
			t.Errorf("it is from %v", when)
		}
	})
	t.Run("from a file: neither is taken, and both are counted", func(t *testing.T) {
		path, _ := state(t)
		s, err := Open(path, Options{Machine: machine})
		if err != nil {
			t.Fatal(err)
		}
		in, err := s.Import("x", []byte(`{"heapmageHistory": 1, "tasks": {
			"a": [{"time": "2099-01-01T00:00:00Z", "outcome": "succeeded", "peak": "900000MB"}, {"outcome": "succeeded", "peak": "100MB"}],
			"b": [{"time": "2020-01-01T00:00:00Z", "outcome": "killed", "peak": "900000MB"}],
			"c": [{"time": "2099-01-01T00:00:00Z", "outcome": "succeeded", "peak": "100MB"}]}}`))
		if want := (Imported{Tasks: 1, Future: 2, Absurd: 1}); err != nil || in != want {
			t.Errorf("got %+v, %v, want %+v", in, err, want)
		}
		if got := s.Samples("a"); len(got) != 1 || len(s.Tasks()) != 1 {
			t.Errorf("%+v of %v", got, s.Tasks())
		}
	})
}
