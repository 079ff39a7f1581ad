package outputs

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tree writes files below a new folder.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		claim    string
		patterns []string
		name     string
		want     bool
	}{
		{"a file below a folder", []string{"dist/**"}, "dist/deep/a.js", true},
		{"no file beside it", []string{"dist/**"}, "src/a.js", false},
		{"one of several patterns", []string{"lib/**", "dist/*.js"}, "dist/a.js", true},
		{"nothing that is excluded", []string{"dist/**", "!dist/kept/**"}, "dist/kept/a.js", false},
		{"also if the exclusion comes first", []string{"!dist/kept/**", "dist/**"}, "dist/kept/a.js", false},
		{"a pattern with a needless ./", []string{"./dist/**"}, "dist/a.js", true},
		{"nothing outside", []string{"../other/**"}, "other/a.js", false},
		{"nothing that was installed", []string{"**"}, "node_modules/x/a.js", false},
		{"unless a pattern names it", []string{"node_modules/.cache/**"}, "node_modules/.cache/a", true},
		{"nothing by a malformed pattern", []string{"[dist/**"}, "dist/a.js", false},
		{"nothing without patterns", nil, "dist/a.js", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := (Set{Patterns: tt.patterns}).match(tt.name); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestRemoveSince(t *testing.T) {
	root := tree(t, "pkg/node_modules/.cache/new", "pkg/dist/new.js", "pkg/dist/old.js", "pkg/dist/deep/new.js",
		"pkg/dist/kept/new.js", "pkg/src/new.ts", "other/dist/new.js")
	since := time.Now().Add(-time.Minute)
	old := since.Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(root, "pkg/dist/old.js"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "other/dist/new.js"), filepath.Join(root, "pkg/dist/link.js")); err != nil {
		t.Fatal(err)
	}
	s := Set{Dir: filepath.Join(root, "pkg"), Patterns: []string{"dist/**", "!dist/kept/**", "../other/**", "node_modules/.cache/**"}}
	if err := s.RemoveSince(since); err != nil {
		t.Fatal(err)
	}
	for name, stays := range map[string]bool{
		"pkg/dist/new.js": false, "pkg/dist/deep/new.js": false, "pkg/node_modules/.cache/new": false,
		"pkg/dist/old.js": true, "pkg/dist/kept/new.js": true, "pkg/dist/link.js": true, "pkg/src/new.ts": true, "other/dist/new.js": true,
	} {
		if _, err := os.Lstat(filepath.Join(root, name)); (err == nil) != stays {
			t.Errorf("%s: stays %v, want %v", name, err == nil, stays)
		}
	}
	t.Run("does nothing in a folder that is gone", func(t *testing.T) {
		s := Set{Dir: filepath.Join(root, "gone"), Patterns: []string{"**"}}
		if err := s.RemoveSince(since); err != nil {
			t.Error(err)
		}
	})
	t.Run("does nothing without patterns", func(t *testing.T) {
		s := Set{Dir: filepath.Join(root, "other")}
		if err := s.RemoveSince(since); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(root, "other/dist/new.js")); err != nil {
			t.Error(err)
		}
	})
}

// TestStaysInside: whatever the patterns are, nothing is removed outside of the
// package, in another package below it, or of what was installed.
func TestStaysInside(t *testing.T) {
	root := tree(t, "shared/user.js", "pkg/own.js", "pkg/inner/user.js", "pkg/node_modules/x/user.js", "pkg/.git/user.js", "pkg/.heapmage/user.js")
	for from, to := range map[string]string{"pkg/dist": "shared", "pkg/deep/dist": "shared", "pkg/up": "."} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(from)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"dist/**", "dist/*.js", "dist/user.js", "deep/dist/**", "*/dist/user.js", "**", "**/user.js", "up/shared/*.js", "inner/**"} {
		s := Set{Dir: filepath.Join(root, "pkg"), Patterns: []string{pattern}, Members: []string{filepath.Join(root, "pkg"), filepath.Join(root, "pkg/inner")}}
		if err := s.RemoveSince(time.Now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"shared/user.js", "pkg/inner/user.js", "pkg/node_modules/x/user.js", "pkg/.git/user.js", "pkg/.heapmage/user.js"} {
			if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s: %s is gone", pattern, name)
				if err := os.WriteFile(filepath.Join(root, name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "pkg/own.js")); err == nil {
		t.Error("what the package wrote itself stays")
	}
}
