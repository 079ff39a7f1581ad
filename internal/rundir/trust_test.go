package rundir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/memtools"
)

// foreign makes a folder of the user's with more folders than runs are kept. Their
// names and what is in them are as those of runs.
func foreign(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range kept + 10 {
		fill(t, filepath.Join(dir, id(i)), events)
	}
	return dir
}

// fill makes a folder with an empty file.
func fill(t *testing.T, dir, file string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, from string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(from), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, from); err != nil {
		t.Skip(err)
	}
}

// TestNoLinkIsFollowed: nothing outside of the folder is made, changed or removed.
func TestNoLinkIsFollowed(t *testing.T) {
	for _, at := range []string{Name, Name + "/runs", Name + "/runs/" + id(100), Name + "/runs/" + id(1), Name + "/.gitignore"} {
		t.Run(at, func(t *testing.T) {
			root, dir := t.TempDir(), foreign(t)
			before := everything(t, dir)
			link(t, dir, filepath.Join(root, filepath.FromSlash(at)))
			r, _ := Open(root, id(100))
			if file, err := r.Record(); err == nil {
				_ = file.Close()
			}
			if got := logged(t, r, "core#build", "x"); got != "x" {
				t.Errorf("the log holds %q", got)
			}
			r.Close()
			if !strings.HasPrefix(r.Dir, root) {
				defer os.RemoveAll(r.Dir)
			}
			if after := everything(t, dir); !slices.Equal(before, after) {
				t.Errorf("%v became %v", before, after)
			}
		})
	}
	t.Run("a link that leads nowhere makes no file", func(t *testing.T) {
		root := t.TempDir()
		nowhere := filepath.Join(t.TempDir(), "new")
		link(t, nowhere, filepath.Join(root, Name, ".gitignore"))
		r, _ := Open(root, id(100))
		r.Close()
		if _, err := os.Lstat(nowhere); err == nil {
			t.Error("it was made")
		}
	})
	t.Run("a link that is put in a log's place during the run", func(t *testing.T) {
		root, mine := t.TempDir(), filepath.Join(t.TempDir(), "mine")
		fill(t, filepath.Dir(mine), "mine")
		r, _ := Open(root, id(100))
		defer r.Close()
		link(t, mine, filepath.Join(r.Dir, logs, "core-build.log"))
		if got := logged(t, r, "core#build", "x"); got != "x" {
			t.Errorf("the log holds %q", got)
		}
		if text, _ := os.ReadFile(mine); len(text) > 0 {
			t.Errorf("the user's file holds %q", text)
		}
	})
}

// TestRecorded: a run is a folder whose record is a file.
func TestRecorded(t *testing.T) {
	root := t.TempDir()
	runs := filepath.Join(root, Name, "runs")
	fill(t, filepath.Join(runs, id(1)), events)
	fill(t, filepath.Join(runs, id(2)), events)
	fill(t, filepath.Join(runs, id(3)), "owner")
	fill(t, filepath.Join(runs, "mine"), events)
	fill(t, filepath.Join(runs, id(4), events), "x")
	link(t, filepath.Join(runs, id(1), events), filepath.Join(runs, id(5), events))
	if got := Recorded(root); !slices.Equal(got, []string{id(2), id(1)}) {
		t.Error(got)
	}
	if got := Recorded(t.TempDir()); got != nil {
		t.Error(got)
	}
}

// TestOnlyRunsArePruned: of all that lies among the runs only old runs are removed.
func TestOnlyRunsArePruned(t *testing.T) {
	root := t.TempDir()
	runs := filepath.Join(root, Name, "runs")
	for i := range kept + 10 {
		fill(t, filepath.Join(runs, id(i+100)), events)
	}
	stays := []string{"notes", "2020-01-01", id(1), strings.ToUpper(id(0xabc))}
	for _, name := range stays {
		fill(t, filepath.Join(runs, name), "mine.txt")
	}
	fill(t, filepath.Join(runs, "named like no run"), events)
	r, _ := Open(root, id(500))
	r.Close()
	for _, name := range append(stays, "named like no run", id(129)) {
		if _, err := os.Stat(filepath.Join(runs, name)); err != nil {
			t.Errorf("%s is gone", name)
		}
	}
	if _, err := os.Stat(filepath.Join(runs, id(100))); err == nil {
		t.Error("an old run stays")
	}
}

// TestRemovedWhileItRuns: a script such as "git clean -xdf" takes the folder away.
func TestRemovedWhileItRuns(t *testing.T) {
	root := t.TempDir()
	r, _ := Open(root, id(1))
	defer r.Close()
	file, err := r.Record()
	if err != nil {
		t.Fatal(err)
	}
	during := r.Log("core#build", 1)
	write := func(to interface{ Write([]byte) (int, error) }, text string) {
		if _, err := to.Write([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	write(file, "one\n")
	write(during, "before ")
	if err := os.RemoveAll(filepath.Join(root, Name)); err != nil {
		t.Skip(err) // not while a file is open, on some systems
	}
	write(file, "two\n")
	write(during, "after")
	if got := content(t, r, during.Path); got != "before after" {
		t.Errorf("while it is written, the log holds %q", got)
	}
	during.Close()
	if got := content(t, r, during.Path); got != "before after" {
		t.Errorf("the log holds %q", got)
	}
	if err := os.RemoveAll(filepath.Join(root, Name)); err != nil {
		t.Fatal(err)
	}
	if got := logged(t, r, "web#build", "later"); got != "later" {
		t.Errorf("a later log holds %q", got)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(r.Dir, events)); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("the record holds %q, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(root, Name, ".gitignore")); err != nil || string(text) != "*\n" {
		t.Errorf(".gitignore: %q, %v", text, err)
	}
	if r.Lost() != "" {
		t.Error(r.Lost())
	}
}

// unwritable is a run that can make no file.
func unwritable() *Run {
	return &Run{Dir: "/nowhere", Shown: "nowhere", tasks: map[string]string{}, open: map[string]*Log{}, make: func() (*confined.Folder, error) {
		return nil, &fs.PathError{Op: "open", Path: "x", Err: errors.New("no space left on device")}
	}}
}

func TestALogThatCannotBeWritten(t *testing.T) {
	t.Run("shows the output all the same, and is counted", func(t *testing.T) {
		r := unwritable()
		for _, task := range []string{"a", "b"} {
			l := r.Log(task, 1)
			if n, err := l.Write([]byte("output")); n != 6 || err != nil {
				t.Error(n, err)
			}
			if got := content(t, r, l.Path); got != "output" {
				t.Errorf("got %q", got)
			}
			l.Close()
		}
		if want := "12B of output are missing from 2 of the logs in nowhere: no space left on device"; r.Lost() != want {
			t.Errorf("got %q, want %q", r.Lost(), want)
		}
	})
	t.Run("keeps the end in bounded memory", func(t *testing.T) {
		r := unwritable()
		l := r.Log("a", 1)
		line := []byte(strings.Repeat("x", 99) + "\n")
		for range 50_000 {
			_, _ = l.Write(line)
		}
		_, _ = l.Write([]byte("the end"))
		size := l.kept()
		if got := content(t, r, l.Path); !strings.HasSuffix(got, "x\nthe end") || size > int64(memtools.MB) || size < int64(memtools.MB)/2 {
			t.Errorf("%d bytes are kept", size)
		}
		l.Close()
		if !strings.HasPrefix(r.Lost(), "5000007B ") && !strings.HasPrefix(r.Lost(), "4.77MB ") {
			t.Error(r.Lost())
		}
	})
	t.Run("is not whole if a part was dropped, though the rest is written in the end", func(t *testing.T) {
		root := t.TempDir()
		r, _ := Open(root, id(1))
		defer r.Close()
		works := r.make
		r.make = unwritable().make
		if err := os.RemoveAll(filepath.Join(root, Name)); err != nil {
			t.Skip(err)
		}
		l := r.Log("a", 1)
		whole := func() bool {
			source, err := r.Read(l.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			return source.Whole()
		}
		_, _ = l.Write([]byte("output"))
		if !whole() {
			t.Error("nothing was dropped yet")
		}
		_, _ = l.Write(make([]byte, 2*inMemory))
		if whole() {
			t.Error("the beginning was dropped")
		}
		r.make = works
		l.Close()
		if whole() {
			t.Error("the beginning is missing from its file")
		}
	})
	t.Run("is written in the end if there is room again", func(t *testing.T) {
		root := t.TempDir()
		r, _ := Open(root, id(1))
		defer r.Close()
		works := r.make
		r.make = unwritable().make
		if err := os.RemoveAll(filepath.Join(root, Name)); err != nil {
			t.Skip(err)
		}
		l := r.Log("a", 1)
		_, _ = l.Write([]byte("output"))
		r.make = works
		l.Close()
		if got := content(t, r, l.Path); got != "output" || r.Lost() != "" {
			t.Errorf("got %q, lost %q", got, r.Lost())
		}
	})
	t.Run("is no error if there is no temporary folder either", func(t *testing.T) {
		t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
		t.Setenv("TMP", filepath.Join(t.TempDir(), "gone"))
		root := filepath.Join(t.TempDir(), "gone")
		r, notices := Open(root, id(1))
		defer r.Close()
		if len(notices) != 1 {
			t.Error(notices)
		}
		l := r.Log("a", 1)
		_, _ = l.Write([]byte("output"))
		if got := content(t, r, l.Path); got != "output" {
			t.Errorf("got %q", got)
		}
		l.Close()
		if _, err := r.Record(); err == nil {
			t.Error("it is recorded")
		}
	})
}
