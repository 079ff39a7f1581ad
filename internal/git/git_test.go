package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTracked(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	root := t.TempDir()
	for _, name := range []string{"pkg/dist/kept.js", "pkg/new.js", "other/x.js"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := Tracked(t.Context(), filepath.Join(root, "pkg")); len(got) > 0 {
		t.Errorf("outside of a repository: %v", got)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "pkg/dist", "other"}} {
		c := exec.Command("git", args...)
		c.Dir = root
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := os.Remove(filepath.Join(root, "pkg/dist/kept.js")); err != nil {
		t.Fatal(err)
	}
	if got := Tracked(t.Context(), filepath.Join(root, "pkg")); !got["dist/kept.js"] || got["new.js"] || got["../other/x.js"] {
		t.Errorf("got %v", got)
	}
}
