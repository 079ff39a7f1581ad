package confined

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func make1(t *testing.T, base string) *Folder {
	t.Helper()
	f, err := Make(base, "state/deep")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestFolder(t *testing.T) {
	base, other := t.TempDir(), t.TempDir()
	if _, err := Open(base, "state/deep"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is missing: %v", err)
	}
	f := make1(t, base)
	for from, to := range map[string]string{"link": filepath.Join(other, "new"), "inner": "file", "sub-link": other} {
		if err := os.Symlink(to, filepath.Join(base, "state/deep", from)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "state/deep/file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "inner", "sub-link"} {
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY | os.O_CREATE, os.O_WRONLY | os.O_CREATE | os.O_TRUNC} {
			if _, err := f.OpenFile(name, flag); !errors.Is(err, ErrLink) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := f.OpenFile("gone", os.O_RDONLY); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
	if _, err := f.Sub("sub-link"); !errors.Is(err, ErrLink) {
		t.Errorf("a link to a folder: %v", err)
	}
	if err := os.Mkdir(filepath.Join(base, "state/deep/folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenFile("folder", os.O_RDONLY); !errors.Is(err, ErrNotFile) {
		t.Errorf("a folder: %v", err)
	}
	t.Run("what must be new is not made where a link is", func(t *testing.T) {
		for _, name := range []string{"link", "inner", "file"} {
			if _, err := f.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL); !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if entries, _ := os.ReadDir(other); len(entries) > 0 {
			t.Error("something was made elsewhere")
		}
	})
	t.Run("all names are listed", func(t *testing.T) {
		names, err := f.Names()
		slices.Sort(names)
		if want := []string{"file", "folder", "inner", "link", "sub-link"}; err != nil || !slices.Equal(names, want) {
			t.Errorf("%v, %v", names, err)
		}
	})
	t.Run("Create replaces a link and leaves its end", func(t *testing.T) {
		file, err := f.Create("inner")
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(base, "state/deep/file")); string(text) != "x" {
			t.Errorf("%q, %v", text, err)
		}
	})
	t.Run("a link on the way is refused, also to make folders", func(t *testing.T) {
		if err := os.Symlink(other, filepath.Join(base, "elsewhere")); err != nil {
			t.Skip(err)
		}
		if _, err := Make(base, "elsewhere/deep"); !errors.Is(err, ErrLink) {
			t.Error(err)
		}
		if entries, _ := os.ReadDir(other); len(entries) > 0 {
			t.Error("something was made there")
		}
	})
	t.Run("a lock is held once", func(t *testing.T) {
		unlock, err := f.TryLock("lock")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.TryLock("lock"); !errors.Is(err, ErrLocked) {
			t.Errorf("a second one: %v", err)
		}
		unlock()
		unlock, err = f.TryLock("lock")
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	})
}
