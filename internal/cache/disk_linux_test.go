package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// A pipe is not opened: that would wait for ever.
func TestPipe(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	if err := syscall.Mkfifo(w.path("dist/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Put(t.Context(), w.all("k", "dist"), w.root, strings.NewReader("")); whyOf(err) != Unsuitable {
		t.Error(err)
	}
	_ = os.Remove(w.path("dist/pipe"))
	e := w.put("k")
	_ = os.Remove(w.path("dist/a"))
	if err := syscall.Mkfifo(w.path("dist/a"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := w.restore(e); r.Written != 1 {
		t.Errorf("%+v", r)
	}
}

// mount mounts a small file system in memory.
func mount(t *testing.T, at, size string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testkit.UnlessCI(t, "mounting needs root")
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("cache-test", at, "tmpfs", 0, "size="+size); err != nil {
		testkit.UnlessCI(t, "cannot mount a tmpfs: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestFullDisk(t *testing.T) {
	w := newWorld(t)
	mount(t, w.path(".heapmage"), "512k")
	w.file("dist/a", "a")
	e := w.put("small")
	random := make([]byte, 4<<20)
	_, _ = rand.Read(random)
	w.file("dist/large", string(random))
	_, err := w.Put(t.Context(), w.all("large", "dist"), w.root, strings.NewReader(someLog))
	if whyOf(err) != Full {
		t.Error(err)
	}
	t.Log(err)
	w.isClean()
	if !w.has("small") || w.has("large") {
		t.Error(w.cached(entries))
	}
	// To the last block: entries, manifests and locks fail too, and nothing breaks.
	if err := os.WriteFile(w.path(".heapmage/filler"), random, 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := os.Remove(w.path("dist/large")); err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		_, err := w.Put(t.Context(), w.all(fmt.Sprint("more", n), "dist"), w.root, strings.NewReader(someLog+fmt.Sprint(n)))
		if whyOf(err) != Full {
			t.Fatal(err)
		}
		if err := w.AddManifest(t.Context(), keyOf("weak"), []byte(`1`)); whyOf(err) != Full {
			t.Fatal(err)
		}
	}
	w.isClean()
	_ = os.Remove(w.path("dist/a"))
	if r := w.restore(e); r.Written != 1 {
		t.Errorf("%+v", r)
	}
	if err := os.Remove(w.path(".heapmage/filler")); err != nil {
		t.Fatal(err)
	}
	w.put("more")
}

func TestRestoreToFullDisk(t *testing.T) {
	w := newWorld(t)
	mount(t, w.path("dist"), "512k")
	w.file("dist/a", "small")
	text := strings.Repeat("x", 400<<10)
	w.file("dist/b", text)
	e := w.put("k")
	w.file("dist/b", "mine")
	w.file("dist/filler", text)
	_ = os.Remove(w.path("dist/a"))
	r, err := w.Restore(t.Context(), e, w.target())
	if !errors.Is(err, syscall.ENOSPC) || whyOf(err) != 0 || r.Written != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if got, _ := os.ReadFile(w.path("dist/b")); string(got) != "mine" {
		t.Error("what was there is lost")
	}
	if strings.Contains(w.snapshot("dist"), ".heapmage-") {
		t.Error(w.snapshot("dist"))
	}
	_ = os.Remove(w.path("dist/filler"))
	w.restore(e)
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	mount(t, w.path(".heapmage"), "512k")
	w.file("dist/a", "a")
	e := w.put("k")
	if err := syscall.Mount("", w.path(".heapmage"), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err := w.Put(t.Context(), w.all("l", "dist"), w.root, strings.NewReader(someLog))
	if whyOf(err) != ReadOnly {
		t.Error(err)
	}
	t.Log(err)
	if err := w.AddManifest(t.Context(), keyOf("weak"), []byte(`1`)); whyOf(err) != ReadOnly {
		t.Error(err)
	}
	if _, err := w.Prune(t.Context(), 1); whyOf(err) != ReadOnly {
		t.Error(err)
	}
	w.Use(e.Key, e.Key)
	_ = os.Remove(w.path("dist/a"))
	if r := w.restore(e); r.Written != 1 {
		t.Errorf("%+v", r)
	}
}

func init() {
	children["unreadable"] = func(dir string) {
		w := &world{dir: dir, Store: In(filepath.Join(dir, "mine"))}
		w.root, _ = os.OpenRoot(dir)
		_, err := w.Put(context.Background(), Entry{Files: []File{{Path: "dist/secret"}}}, w.root, strings.NewReader(""))
		fmt.Println(err)
		w.Store = In(dir)
		_, err = w.Put(context.Background(), Entry{}, w.root, strings.NewReader(""))
		fmt.Println(err)
		_, err = w.Get(keyOf("k"))
		fmt.Println(err)
	}
	children["large"] = large
}

// nobody runs this program as a user without rights.
func nobody(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	if os.Geteuid() != 0 {
		testkit.UnlessCI(t, "another user needs root")
	}
	tmp, err := os.MkdirTemp("", "nobody") //nolint:usetesting // the parent of t.TempDir may be closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	c.Path = filepath.Join(tmp, "cache.test")
	if err := errors.Join(os.Chmod(tmp, 0o777), os.WriteFile(c.Path, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	c.Env = append(c.Environ(), "TMPDIR="+tmp)
	c.Dir = tmp
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestWithoutRights(t *testing.T) {
	base, err := os.MkdirTemp("", "cache") //nolint:usetesting // the parent of t.TempDir may be closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	w := openWorld(t, base)
	w.file("dist/secret", "x")
	e := w.put("k")
	if err := errors.Join(os.Chmod(w.path("dist/secret"), 0), os.Mkdir(w.path("mine"), 0o755), os.Chmod(w.path("mine"), 0o777),
		os.Chmod(w.dir, 0o755), os.Chmod(w.entryPath(e), 0)); err != nil {
		t.Fatal(err)
	}
	c := child("unreadable", w.dir)
	c.Stderr = nil
	want := `dist/secret: it cannot be read: open dist/secret: permission denied
the cache cannot be written: open .heapmage/cache/lock: permission denied
it cannot be read: open .heapmage/cache/entries/` + e.Key.entryFile() + `: permission denied
`
	if got := nobody(t, c); got != want {
		t.Errorf("got\n%s", got)
	}
	t.Run("folders that cannot be written are put back", func(t *testing.T) {
		t.Log(nobody(t, exec.Command(os.Args[0], "-test.run=^TestRestoreProperty$", "-rapid.nofailfile")))
	})
}

// large stores and puts back a file of a bit more than 1 GB, and prints how much memory
// it took.
func large(dir string) {
	root, err := os.OpenRoot(dir)
	peak("at the start")
	s := In(dir)
	var stored Stored
	if err == nil {
		stored, err = s.Put(context.Background(), Entry{Files: []File{{Path: "large"}}}, root, strings.NewReader(""))
	}
	peak("after Put")
	if err == nil {
		err = root.Remove("large")
	}
	if err == nil {
		_, err = s.Restore(context.Background(), stored.Entry, Target{Root: root})
	}
	peak("after Restore")
	fmt.Println(err)
}

func peak(when string) {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	value, _, _ := strings.Cut(rest, "\n")
	fmt.Println(when, strings.TrimSpace(value))
}

func TestLargeFile(t *testing.T) {
	if os.Getenv("RIG") == "" {
		t.Skip("set RIG=1 to store a file of more than 1 GB")
	}
	w := newWorld(t)
	f, err := os.Create(w.path("large"))
	if err != nil {
		t.Fatal(err)
	}
	half := make([]byte, 1<<20) // one half of it can be compressed
	for range 1100 {
		_, _ = rand.Read(half[:1<<19])
		if _, err := f.Write(half); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c := child("large", w.dir)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", out)
	for line := range strings.Lines(string(out)) {
		var kb int
		if _, after, ok := strings.Cut(line, "after "); ok {
			_, _ = fmt.Sscanf(after[strings.Index(after, " "):], "%d", &kb)
			if kb == 0 || kb > 50_000 {
				t.Errorf("more than 50 MB: %s", line)
			}
		}
	}
	if !strings.HasSuffix(string(out), "<nil>\n") {
		t.Error("it failed")
	}
}

func TestManyFiles(t *testing.T) {
	if os.Getenv("RIG") == "" {
		t.Skip("set RIG=1 to store 50,000 files")
	}
	w := newWorld(t)
	for n := range 50_000 {
		w.file(fmt.Sprintf("dist/%d/%d.js", n%500, n), fmt.Sprint("file ", n))
	}
	e := w.put("k")
	want := w.snapshot("dist")
	if err := os.RemoveAll(w.path("dist")); err != nil {
		t.Fatal(err)
	}
	if r := w.restore(e); r.Written != 50_501 || w.snapshot("dist") != want {
		t.Errorf("%+v", r)
	}
	if r := w.restore(e); r.Same != 50_501 || r.Written > 0 {
		t.Errorf("%+v", r)
	}
}
