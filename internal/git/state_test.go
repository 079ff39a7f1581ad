package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestKeeps: what Keeps allows to change, `git checkout` gives back.
func TestKeeps(t *testing.T) {
	root := repository(t)
	testkit.Write(t, root, "changed", "x")
	testkit.Write(t, root, "staged", "x")
	run(t, root, "add", "staged")
	testkit.Write(t, root, "new", "x")
	testkit.Write(t, root, "added", "x")
	run(t, root, "add", "added")
	testkit.Write(t, root, "announced", "x")
	run(t, root, "add", "-N", "announced")
	testkit.Write(t, root, "ignored", "x")
	for name, want := range map[string]bool{"kept": true, "staged": true, "added": true, "changed": false, "new": false, "announced": false, "ignored": false, "*ept": false} {
		if got := Keeps(t.Context(), root, name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
		if !want {
			continue
		}
		before, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		testkit.Write(t, root, name, "other")
		run(t, root, "checkout", "--", name)
		if after, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(after) != string(before) {
			t.Errorf("%s: got back %q, %v", name, after, err)
		}
	}
}

func TestMainBranch(t *testing.T) {
	root := repository(t)
	for _, tt := range []struct {
		claim  string
		change []string
		want   string
	}{
		{"main, on another branch", nil, "main"},
		{"master", []string{"branch", "-m", "main", "master"}, "master"},
		{"the current one", []string{"branch", "-m", "master", "other"}, "topic"},
		{"that of origin", []string{"symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/1"}, "release/1"},
	} {
		if tt.change != nil {
			run(t, root, tt.change...)
		}
		if got := MainBranch(t.Context(), root); got != tt.want {
			t.Errorf("%s: got %s", tt.claim, got)
		}
	}
	if got := MainBranch(t.Context(), t.TempDir()); got != "" {
		t.Errorf("without a repository: got %s", got)
	}
}
