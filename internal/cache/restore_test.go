package cache

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// grow makes random files, folders and links below a folder.
func grow(t *rapid.T, w *world, at string, depth int) {
	names := rapid.SliceOfNDistinct(rapid.OneOf(rapid.StringMatching(`[a-z.~ ]{1,3}[a-z]`), rapid.SampledFrom([]string{"ä€😀", `back\slash`, "new\nline", strings.Repeat("l", 255)})),
		0, 6, rapid.ID).Draw(t, "names")
	for _, name := range names {
		name = path.Join(at, name)
		var err error
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			err = os.Symlink(rapid.SampledFrom([]string{"a", "../b", "/nowhere", "ä"}).Draw(t, "target"), w.path(name))
		case 1:
			err = os.Mkdir(w.path(name), 0o755)
			if depth > 0 {
				grow(t, w, name, depth-1)
			}
			err = join(err, os.Chmod(w.path(name), rapid.SampledFrom([]fs.FileMode{0o755, 0o700, 0o555, 0o775}).Draw(t, "mode")))
		default:
			size := rapid.SampledFrom([]int{0, 1, 1000, piece, piece + 1, 3 * piece}).Draw(t, "size")
			text := strings.Repeat(rapid.StringN(1, 8, -1).Draw(t, "text"), size+1)[:size]
			err = os.WriteFile(w.path(name), []byte(text), 0o644)
			err = join(err, os.Chmod(w.path(name), rapid.SampledFrom([]fs.FileMode{0o644, 0o755, 0o400, 0o666}).Draw(t, "mode")))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wipe removes a tree with folders that cannot be written.
func wipe(root string) error {
	_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(name, 0o755)
		}
		return nil
	})
	return os.RemoveAll(root)
}

func join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A tree that is put back is the tree that was stored, whatever is there; files that are
// equal are not touched.
func TestRestoreProperty(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has neither these names nor these modes")
	}
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		base, err := os.MkdirTemp(outer.TempDir(), "") //nolint:usetesting // one for each of the many trees, removed by it
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = wipe(base) }()
		w := &world{t: outer, dir: base, Store: In(base)}
		if w.root, err = os.OpenRoot(base); err != nil {
			t.Fatal(err)
		}
		defer w.root.Close()
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Mkdir(w.path("dist"), 0o755))
		grow(t, w, "dist", 3)
		want := w.snapshot("dist")
		e := w.all("k", "dist")
		if rapid.Bool().Draw(t, "in another order") {
			e.Files = rapid.Permutation(e.Files).Draw(t, "order")
		}
		s, err := w.Put(context.Background(), e, w.root, strings.NewReader(someLog))
		must(err)

		if r := w.restore(s.Entry); r != (Restored{Same: len(e.Files)}) {
			t.Fatalf("what is there already: %+v", r)
		}
		var stale []string
		switch rapid.IntRange(0, 2).Draw(t, "what is there") {
		case 0:
			must(wipe(w.path("dist")))
		case 1: // another tree, of which all that is not of the entry is stale
			must(wipe(w.path("dist")))
			must(os.Mkdir(w.path("dist"), 0o755))
			grow(t, w, "dist", 3)
		case 2: // changes
			for _, f := range e.Files {
				switch rapid.IntRange(0, 9).Draw(t, "change") {
				case 0:
					_ = wipe(w.path(f.Path))
				case 1:
					_ = wipe(w.path(f.Path))
					_ = os.Mkdir(w.path(f.Path), 0o755)
					_ = os.WriteFile(w.path(f.Path+"/inside"), nil, 0o644)
				case 2:
					_ = wipe(w.path(f.Path))
					_ = os.Symlink("/nowhere", w.path(f.Path))
				case 3:
					if info, err := os.Lstat(w.path(f.Path)); err == nil && info.Mode().IsRegular() {
						_ = os.WriteFile(w.path(f.Path), []byte("changed"), 0o644)
					}
				}
			}
		}
		for _, f := range w.all("", ".").Files {
			if strings.HasPrefix(f.Path, "dist/") {
				stale = append(stale, f.Path)
			}
		}
		before := map[string]fs.FileInfo{}
		for _, f := range s.Entry.Files {
			if info, err := os.Lstat(w.path(f.Path)); err == nil && w.path(f.Path) != "" {
				if have, ok := w.target().Have(f.Path); f.Kind == Regular && ok && have == f.Digest && info.Mode() == f.Mode {
					before[f.Path] = info
				}
			}
		}
		target := w.target()
		target.Stale = stale
		if _, err = w.Restore(context.Background(), s.Entry, target); err != nil {
			t.Fatal(err)
		}
		if got := w.snapshot("dist"); got != want {
			t.Fatalf("got\n%swant\n%s", got, want)
		}
		for name, was := range before {
			if now, err := os.Lstat(w.path(name)); err != nil || !os.SameFile(was, now) || !was.ModTime().Equal(now.ModTime()) {
				t.Errorf("%s was equal and was touched", name)
			}
		}
		if r := w.restore(s.Entry); r != (Restored{Same: len(e.Files)}) {
			t.Fatalf("a second time: %+v", r)
		}
	})
}

// nothing fails if Restore touched anything.
func (w *world) nothing(claim string, e *Entry, to Target, want Why) {
	w.t.Helper()
	before := w.snapshot(".")
	_, err := w.Restore(context.Background(), e, to)
	if whyOf(err) != want {
		w.t.Errorf("%s: %v", claim, err)
	}
	if after := w.snapshot("."); after != before {
		w.t.Errorf("%s: it touched something:\n%s\nthen\n%s", claim, before, after)
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	w.file("dist/sub/b", "b")
	e := w.put("k")
	outside := t.TempDir()
	t.Run("what may not be overwritten, and writes nothing at all", func(t *testing.T) {
		w.file("dist/a", "changed")
		if err := os.Remove(w.path("dist/sub/b")); err != nil {
			t.Fatal(err)
		}
		to := w.target()
		to.May = func(name string) bool { return name != "dist/a" }
		w.nothing("a file", e, to, Blocked)
		to.May = nil
		w.nothing("no function", e, to, Blocked)
		to.May, to.Stale = func(name string) bool { return name != "other" }, []string{"other"}
		w.file("other", "x")
		w.nothing("a stale file", e, to, Blocked)
	})
	t.Run("a folder in the way with a file that may not be removed", func(t *testing.T) {
		_ = os.Remove(w.path("dist/a"))
		w.file("dist/a/deep/kept", "x")
		to := w.target()
		to.May = func(name string) bool { return name != "dist/a/deep/kept" }
		w.nothing("", e, to, Blocked)
		_ = os.RemoveAll(w.path("dist/a"))
	})
	t.Run("a link on the way", func(t *testing.T) {
		e := *e
		e.Files = slices.DeleteFunc(slices.Clone(e.Files), func(f File) bool { return f.Kind == Folder })
		_ = os.RemoveAll(w.path("dist"))
		w.link("dist", outside)
		w.nothing("outside", &e, w.target(), Blocked)
		_ = os.Remove(w.path("dist"))
		w.file("inside/a", "x")
		w.link("dist", "inside")
		w.nothing("inside", &e, w.target(), Blocked)
		to := w.target()
		to.Stale = []string{"dist/a"}
		if _, err := w.Restore(t.Context(), &Entry{Key: e.Key}, to); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(w.path("inside/a")); err != nil {
			t.Error("a stale file was removed through a link")
		}
	})
	t.Run("a listed folder replaces a link, not what it leads to", func(t *testing.T) {
		w.restore(e)
		if list, _ := os.ReadDir(outside); len(list) > 0 {
			t.Error("something was written outside")
		}
		if info, err := os.Lstat(w.path("dist")); err != nil || !info.IsDir() {
			t.Error("dist is no folder")
		}
		if _, err := os.Lstat(w.path("inside/a")); err != nil {
			t.Error(err)
		}
	})
	t.Run("forged entries", func(t *testing.T) {
		for _, f := range []File{
			{Path: "../out", Kind: Regular}, {Path: "/tmp/out", Kind: Regular}, {Path: "a/../../out", Kind: Regular},
			{Path: "a\x00b", Kind: Regular}, {Path: "", Kind: Regular}, {Path: ".", Kind: Folder}, {Path: "a//b", Kind: Regular},
			{Path: ".git/hooks/pre-commit", Kind: Regular}, {Path: ".GIT/config", Kind: Regular}, {Path: ".heapmage/x", Kind: Regular},
			{Path: ".heapmage-0123456789abcdef.tmp", Kind: Regular},
			{Path: "x", Kind: "device"}, {Path: "x"}, {Path: "x", Kind: Regular, Size: -1}, {Path: "x", Kind: Regular, Mode: fs.ModeSetuid | 0o755},
			{Path: "x", Kind: Link}, {Path: "x", Kind: Link, Target: "a\x00"}, {Path: "x", Kind: Regular, Target: "a"},
			{Path: "dist/a/below", Kind: Regular}, {Path: "dist/a", Kind: Regular},
		} {
			forged := *e
			forged.Files = append(slices.Clone(e.Files), f)
			w.nothing(fmt.Sprintf("%+v", f), &forged, w.target(), Unsuitable)
		}
		huge := *e
		huge.Files = append(slices.Clone(e.Files), File{Path: "x", Kind: Regular, Size: 1 << 62}, File{Path: "y", Kind: Regular, Size: 1 << 62})
		w.nothing("sizes that overflow", &huge, w.target(), Unsuitable)
	})
}

func TestRestoreOrderAndTemps(t *testing.T) {
	w := newWorld(t)
	w.file("dist/z", "z")
	w.file("dist/a", "a")
	e := w.all("k", "dist")
	slices.Reverse(e.Files) // z, a, dist
	s, err := w.Put(t.Context(), e, w.root, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	_ = os.RemoveAll(w.path("dist"))
	left, young := "dist/.heapmage-00000000000000aa.tmp", "dist/.heapmage-00000000000000bb.tmp"
	w.file(left, "x")
	w.file(young, "x")
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(w.path(left), old, old); err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-20 * time.Millisecond)
	if r := w.restore(s.Entry); r.Written != 2 || r.Bytes != 2 {
		t.Errorf("%+v", r)
	}
	first, _ := os.Lstat(w.path("dist/z"))
	second, _ := os.Lstat(w.path("dist/a"))
	if first.ModTime().Before(began) || second.ModTime().Before(first.ModTime()) {
		t.Errorf("began %v, then %v and %v", began, first.ModTime(), second.ModTime())
	}
	if _, err := os.Lstat(w.path(left)); err == nil {
		t.Error("what a killed process left is still there")
	}
	if _, err := os.Lstat(w.path(young)); err != nil {
		t.Error("another's temporary file was removed")
	}
}

func TestStale(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	e := w.put("k")
	w.file("dist/old/x", "x")
	w.file("dist/mixed/x", "x")
	w.file("dist/mixed/kept", "mine")
	to := w.target()
	to.Stale = []string{"dist/old", "dist/old/x", "dist/mixed", "dist/mixed/x", "dist/a", "dist", "gone", "../x", "dist/a/x"}
	r, err := w.Restore(t.Context(), e, to)
	if err != nil || r != (Restored{Same: 2, Removed: 3}) {
		t.Errorf("%+v, %v", r, err)
	}
	for name, want := range map[string]bool{"dist/old": false, "dist/mixed/x": false, "dist/mixed/kept": true, "dist/a": true} {
		if _, err := os.Lstat(w.path(name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
