package reuse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDisturbed(t *testing.T) {
	begin := func(t *testing.T, root string) (why func() string) {
		t.Helper()
		r, err := Open(root, root)
		if err != nil {
			t.Fatal(err)
		}
		task := &Task{ID: "a#build"}
		end := r.Begin(task)
		t.Cleanup(func() {
			end()
			_ = r.Close()
		})
		return func() string { return r.disturbed(task) }
	}
	t.Run("another run has the same task", func(t *testing.T) {
		root := t.TempDir()
		first := begin(t, root)
		if why := first(); why != "" {
			t.Errorf("alone: %q", why)
		}
		second := begin(t, root)
		const want = "another run had the same task at the same time, or the cache was removed"
		if a, b := first(), second(); a != want || b != want {
			t.Errorf("%q, %q", a, b)
		}
	})
	t.Run("it cannot be told whether one has", func(t *testing.T) {
		root := t.TempDir()
		running := filepath.Join(root, filepath.FromSlash(folder), "running")
		if err := os.MkdirAll(filepath.Dir(running), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(t.TempDir(), running); err != nil {
			t.Skip("links cannot be made here:", err)
		}
		if why := begin(t, root)(); !strings.HasPrefix(why, "the cache cannot be written: open ") || !strings.Contains(why, "symbolic link") {
			t.Errorf("%q", why)
		}
	})
}
