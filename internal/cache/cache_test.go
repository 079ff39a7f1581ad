package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

func TestMain(m *testing.M) {
	if do := os.Getenv("CACHE_CHILD"); do != "" {
		children[do](os.Getenv("CACHE_ROOT"))
		return
	}
	goleak.VerifyTestMain(m)
}

// The names of filetree that these tests use most.
type (
	File     = filetree.File
	Digest   = fingerprint.Digest
	Target   = filetree.Target
	Restored = filetree.Result
)

const (
	Regular = filetree.Regular
	Folder  = filetree.Folder
	Link    = filetree.Link
)

// children are what this program does if it is started by a test.
var children = map[string]func(root string){}

func keyOf(s string) Key { return sha256.Sum256([]byte(s)) }

// world is a workspace with a cache, and what its task left.
type world struct {
	t    testing.TB
	dir  string
	root *os.Root
	*Store
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return openWorld(t, t.TempDir())
}

func openWorld(t testing.TB, dir string) *world {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return &world{t, dir, root, In(dir)}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// file writes a file of the workspace.
func (w *world) file(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) link(name, target string) {
	w.t.Helper()
	if err := os.Symlink(target, w.path(name)); err != nil {
		w.t.Skip(err)
	}
}

// all is an entry of all that is below a folder.
func (w *world) all(key, below string) Entry {
	w.t.Helper()
	e := Entry{Key: keyOf(key), Task: key, Created: time.Now(), Duration: time.Second}
	err := fs.WalkDir(os.DirFS(w.dir), below, func(name string, _ fs.DirEntry, err error) error {
		e.Files = append(e.Files, File{Path: name})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

const someLog = "a log\nof two lines\n"

// put stores all that is below dist.
func (w *world) put(key string) *Entry {
	w.t.Helper()
	s, err := w.Put(context.Background(), w.all(key, "dist"), w.root, strings.NewReader(someLog))
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Entry
}

func (w *world) target() Target {
	return Target{Root: w.root, May: func(string) bool { return true }, Have: func(name string) (Digest, bool) {
		text, err := os.ReadFile(w.path(name))
		return sha256.Sum256(text), err == nil
	}}
}

func (w *world) restore(e *Entry) Restored {
	w.t.Helper()
	r, err := w.Restore(context.Background(), e, w.target())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// snapshot tells all that is below a folder: modes, targets, contents.
func (w *world) snapshot(below string) string {
	w.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(w.path(below), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(w.dir, name)
		fmt.Fprintf(&b, "%s %v", rel, info.Mode())
		switch {
		case info.Mode().IsRegular():
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(text))
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(name)
			b.WriteString(" " + target)
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return b.String()
}

func whyOf(err error) Why {
	var m *Miss
	var n *NotStored
	switch {
	case errors.As(err, &m):
		return m.Why
	case errors.As(err, &n):
		return n.Why
	}
	return 0
}

// cached are the files in a folder of the cache.
func (w *world) cached(folder string) (names []string) {
	list, _ := os.ReadDir(w.path(dir + "/" + folder))
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// isClean fails if a draft was left.
func (w *world) isClean() {
	w.t.Helper()
	if left := w.cached(temps); len(left) > 0 {
		w.t.Errorf("left in the cache: %v", left)
	}
}

func TestPut(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.file("dist/a.js", "a")
	w.file("dist/deep/b.js", strings.Repeat("b", 100_000))
	e := w.put("core#build")
	got, err := w.Get(e.Key)
	if err != nil || got.Task != "core#build" || !filetree.Equal(got.Files, e.Files) || got.Duration != time.Second {
		t.Fatalf("%+v, %v", got, err)
	}
	var log bytes.Buffer
	if err := w.Log(ctx, got, &log); err != nil || log.String() != someLog {
		t.Errorf("log: %q, %v", log.String(), err)
	}
	if !w.Has(e) || !w.Has(got) {
		t.Errorf("has what was put: %v, what was got: %v", w.Has(e), w.Has(got))
	}
	w.isClean()

	t.Run("the first entry of a key stands, and Put tells how they compare", func(t *testing.T) {
		s, err := w.Put(ctx, w.all("core#build", "dist"), w.root, strings.NewReader("another log"))
		if err != nil || !s.Existed || !s.Equal || s.Entry.Log != e.Log {
			t.Errorf("equal files: %+v, %v", s, err)
		}
		w.file("dist/a.js", "b")
		s, err = w.Put(ctx, w.all("core#build", "dist"), w.root, strings.NewReader(""))
		if err != nil || !s.Existed || s.Equal || s.Entry.Blob != e.Blob {
			t.Errorf("other files: %+v, %v", s, err)
		}
		if blobs := w.cached(blobs); len(blobs) != 1 {
			t.Errorf("blobs: %v", blobs)
		}
	})
	t.Run("Replace replaces it", func(t *testing.T) {
		s, err := w.Replace(ctx, w.all("core#build", "dist"), w.root, strings.NewReader(""))
		if err != nil || !s.Existed || s.Equal {
			t.Errorf("%+v, %v", s, err)
		}
		now, err := w.Get(e.Key)
		if err != nil || now.Blob == e.Blob {
			t.Errorf("%+v, %v", now, err)
		}
		if w.Has(e) || !w.Has(now) || !w.Has(s.Entry) {
			t.Errorf("has the former one: %v, the new one: %v, %v", w.Has(e), w.Has(now), w.Has(s.Entry))
		}
	})
	t.Run("equal blobs are stored once", func(t *testing.T) {
		before := len(w.cached(blobs))
		w.put("x")
		w.put("y")
		if after := len(w.cached(blobs)); after != before+1 {
			t.Errorf("%d, then %d", before, after)
		}
	})
	t.Run("an entry whose blob is lost is replaced", func(t *testing.T) {
		e := w.put("z")
		if err := os.Remove(w.path(dir + "/blobs/" + blobFile(e.Blob))); err != nil {
			t.Fatal(err)
		}
		if s, err := w.Put(ctx, w.all("z", "dist"), w.root, strings.NewReader(someLog)); err != nil || s.Existed {
			t.Errorf("%+v, %v", s, err)
		}
		if _, err := w.Get(e.Key); err != nil {
			t.Error(err)
		}
	})
	t.Run("a task may leave nothing", func(t *testing.T) {
		s, err := w.Put(ctx, Entry{Key: keyOf("lint")}, w.root, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		if r := w.restore(s.Entry); r != (Restored{}) {
			t.Errorf("%+v", r)
		}
	})
	w.isClean()
}

// asked does something when it is asked for the nth time whether it has ended.
type asked struct {
	context.Context
	left int
	do   func()
}

func (a *asked) Err() error {
	if a.left--; a.left == 0 {
		a.do()
	}
	return a.Context.Err()
}

// onRead does something when it is read first.
type onRead struct {
	io.Reader
	do func()
}

func (r *onRead) Read(p []byte) (int, error) {
	if r.do != nil {
		r.do()
		r.do = nil
	}
	return r.Reader.Read(p)
}

func TestPutFails(t *testing.T) {
	for _, tt := range []struct {
		claim string
		do    func(w *world, e *Entry)
		want  Why
		path  string
	}{
		{"if the digest is another", func(_ *world, e *Entry) { e.Files[1].Digest = Digest{1} }, Unexpected, "dist/a"},
		{"if the mode is another", func(_ *world, e *Entry) { e.Files[1].Mode = 0o700 }, Unexpected, "dist/a"},
		{"if the type is another", func(_ *world, e *Entry) { e.Files[1].Kind = Link }, Unexpected, "dist/a"},
		{"if a file is missing", func(_ *world, e *Entry) { e.Files = append(e.Files, File{Path: "dist/none"}) }, Unexpected, "dist/none"},
		{"through a link", func(w *world, e *Entry) {
			w.link("linked", "dist")
			e.Files = append(e.Files, File{Path: "linked/a"})
		}, Unexpected, "linked/a"},
		{"if a path leads out", func(_ *world, e *Entry) { e.Files[1].Path = "../a" }, Unsuitable, "../a"},
		{"if a path is absolute", func(_ *world, e *Entry) { e.Files[1].Path = "/etc/passwd" }, Unsuitable, "/etc/passwd"},
		{"for a file of Git", func(_ *world, e *Entry) { e.Files[1].Path = "sub/.git/hooks/x" }, Unsuitable, "sub/.git/hooks/x"},
		{"for a file of heapmage", func(_ *world, e *Entry) { e.Files[1].Path = ".heapmage/x" }, Unsuitable, ".heapmage/x"},
		{"for a name that is not UTF-8", func(_ *world, e *Entry) { e.Files[1].Path = "dist/\xff" }, Unsuitable, "dist/\xff"},
		{"if a file is listed twice", func(_ *world, e *Entry) { e.Files = append(e.Files, e.Files[1]) }, Unsuitable, "dist/a"},
		{"for a file below a file", func(w *world, e *Entry) {
			e.Files[1].Kind = Regular
			e.Files = append(e.Files, File{Path: "dist/a/b"})
		}, Unsuitable, "dist/a/b"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			w := newWorld(t)
			w.file("dist/a", "a")
			e := w.all("k", "dist")
			tt.do(w, &e)
			_, err := w.Put(context.Background(), e, w.root, strings.NewReader(someLog))
			var n *NotStored
			if !errors.As(err, &n) || n.Why != tt.want || n.Path != tt.path {
				t.Errorf("%v", err)
			}
			w.isClean()
			if got := slices.Concat(w.cached(entries), w.cached(blobs)); len(got) > 0 {
				t.Errorf("stored: %v", got)
			}
		})
	}
	for claim, change := range map[string]func(w *world) error{
		"grows":       func(w *world) error { return os.WriteFile(w.path("dist/a"), []byte("aa"), 0o644) },
		"gets a mode": func(w *world) error { return os.Chmod(w.path("dist/a"), 0o600) },
		"is written":  func(w *world) error { return os.WriteFile(w.path("dist/a"), []byte("b"), 0o644) },
		"is replaced": func(w *world) error { return os.Rename(w.path("other"), w.path("dist/a")) },
		"is removed":  func(w *world) error { return os.Remove(w.path("dist/a")) },
		"becomes a dir": func(w *world) error {
			return errors.Join(os.Remove(w.path("dist/a")), os.Mkdir(w.path("dist/a"), 0o755))
		},
	} {
		// Each piece asks the context: two of the log, two of a, then b.
		for when, calls := range map[string]int{"while it is read": 4, "after it was read": 5} {
			t.Run("if a file "+claim+" "+when, func(t *testing.T) {
				w := newWorld(t)
				w.file("dist/a", "a")
				w.file("dist/b", "b")
				w.file("other", "c")
				ctx := &asked{Context: t.Context(), left: calls, do: func() {
					if err := change(w); err != nil {
						t.Error(err)
					}
				}}
				_, err := w.Put(ctx, w.all("k", "dist"), w.root, strings.NewReader("x"))
				var n *NotStored
				if !errors.As(err, &n) || n.Why != Changed || n.Path != "dist/a" {
					t.Error(err)
				}
				w.isClean()
			})
		}
	}
	t.Run("if the context ends", func(t *testing.T) {
		w := newWorld(t)
		w.file("dist/a", "a")
		ctx, cancel := context.WithCancel(context.Background())
		_, err := w.Put(ctx, w.all("k", "dist"), w.root, &onRead{strings.NewReader("x"), cancel})
		if whyOf(err) != Stopped {
			t.Error(err)
		}
		w.isClean()
	})
	t.Run("if the log cannot be read", func(t *testing.T) {
		w := newWorld(t)
		w.file("dist/a", "a")
		_, err := w.Put(t.Context(), w.all("k", "dist"), w.root, io.MultiReader(strings.NewReader("x"), broken{}))
		if whyOf(err) != Unreadable {
			t.Error(err)
		}
		w.isClean()
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no") }

func TestFolderRemovedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	for _, what := range []string{".heapmage", dir, dir + "/tmp", dir + "/blobs", dir + "/entries"} {
		_, err := w.Put(t.Context(), w.all("k"+what, "dist"), w.root, &onRead{strings.NewReader("x"), func() {
			if err := os.RemoveAll(w.path(what)); err != nil {
				t.Error(err)
			}
		}})
		if err != nil && whyOf(err) != Broken {
			t.Errorf("%s: %v", what, err)
		}
		w.put("again" + what)
		if _, err := w.Get(keyOf("again" + what)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.isClean()
	if text, err := os.ReadFile(w.path(".heapmage/.gitignore")); err != nil || string(text) != "*\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestLockHeldByAnother(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	e := w.put("k")
	folder, err := w.open("")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	unlock, err := folder.TryLock(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // only the first waits
		if _, err := w.Put(t.Context(), w.all("l", "dist"), w.root, strings.NewReader("")); whyOf(err) != Busy {
			t.Fatal(err)
		}
	}
	if _, err := w.Get(e.Key); err != nil {
		t.Errorf("reading needs no lock: %v", err)
	}
	unlock()
	w.put("l")
	w.isClean()
}

// The paths of 50,000 files that a task read, and looked at, can be kept.
func TestManyPaths(t *testing.T) {
	w := newWorld(t)
	var set []string
	for n := range 50_000 {
		path := fmt.Sprintf("packages/some-longer-name/src/components/a-folder-with-a-longer-name/of-another/component-%d.stories.tsx", n)
		set = append(set, "content "+path, "presence "+path)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddManifest(t.Context(), keyOf("weak"), text); err != nil {
		t.Fatal(err)
	}
	if sets, err := w.Manifests(keyOf("weak")); err != nil || len(sets) != 1 || !bytes.Equal(sets[0], text) {
		t.Errorf("%d sets, %v", len(sets), err)
	}
}
