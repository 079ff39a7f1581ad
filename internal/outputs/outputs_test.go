package outputs

import (
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
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
			if got := (Set{Patterns: tt.patterns}).Match(tt.name); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// write writes files as an attempt would.
func write(t *testing.T, root string, files ...string) {
	t.Helper()
	for _, name := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("by the task"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func untracked() map[string]bool { return nil }

func TestRemoveNew(t *testing.T) {
	root := tree(t, "pkg/dist/changed.js", "pkg/dist/there.js", "pkg/Locales/De.json", "other/dist/there.js")
	link := func(to, from string) {
		if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	link("other/dist/there.js", "pkg/dist/was-a-link.js")
	s := Set{Root: root, Dir: filepath.Join(root, "pkg"), Patterns: []string{"dist/**", "!dist/kept/**", "../other/**", "node_modules/.cache/**", "Locales/*", "out.txt"}}
	before := s.List()

	write(t, root, "pkg/dist/changed.js", "pkg/dist/new.js", "pkg/dist/deep/new.js", "pkg/dist/kept/new.js", "pkg/dist/committed.js",
		"pkg/dist/moved.js", "pkg/node_modules/.cache/new", "pkg/src/new.ts", "pkg/out.txt", "pkg/Locales/de.json", "other/dist/new.js")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(root, "pkg/dist/moved.js"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "pkg/dist/was-a-link.js")); err != nil {
		t.Fatal(err)
	}
	write(t, root, "pkg/dist/was-a-link.js")
	link("other/dist/new.js", "pkg/dist/link.js")
	link("other/dist", "pkg/dist/link")
	link("nowhere", "pkg/dist/dangling")
	link("other/dist/there.js", "pkg/dist/kept/link.js")
	asked := 0
	err := s.RemoveNew(before, func() map[string]bool { asked++; return map[string]bool{"dist/committed.js": true} })
	if err != nil || asked != 1 {
		t.Fatal(err, asked)
	}
	for name, stays := range map[string]bool{
		"pkg/dist/new.js": false, "pkg/dist/deep/new.js": false, "pkg/node_modules/.cache/new": false, "pkg/out.txt": false,
		"pkg/dist/changed.js": true, "pkg/dist/there.js": true, "pkg/dist/link.js": false, "pkg/dist/link": false, "pkg/dist/dangling": false,
		"pkg/dist/kept/new.js": true, "pkg/dist/kept/link.js": true, "other/dist/there.js": true, "pkg/dist/was-a-link.js": true,
		"pkg/dist/committed.js": true, "pkg/dist/moved.js": true, "pkg/Locales/De.json": true, "pkg/Locales/de.json": true,
		"pkg/src/new.ts": true, "other/dist/new.js": true,
	} {
		if _, err := os.Lstat(filepath.Join(root, name)); (err == nil) != stays {
			t.Errorf("%s: stays %v, want %v", name, err == nil, stays)
		}
	}
	t.Run("asks for what is tracked only if there is something to remove", func(t *testing.T) {
		err := s.RemoveNew(s.List(), func() map[string]bool { t.Error("it was asked"); return nil })
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("does nothing in a folder that is gone", func(t *testing.T) {
		gone := tree(t, "gone/x")
		s := Set{Root: gone, Dir: filepath.Join(gone, "gone"), Patterns: []string{"**"}}
		before := s.List()
		if err := os.RemoveAll(s.Dir); err != nil {
			t.Fatal(err)
		}
		if err := s.RemoveNew(before, untracked); err != nil {
			t.Error(err)
		}
	})
	for claim, s := range map[string]Set{
		"does nothing without patterns":        {Root: root, Dir: filepath.Join(root, "other")},
		"does nothing by a listing that lacks": {Root: root, Dir: filepath.Join(root, "other"), Patterns: []string{"**"}},
	} {
		t.Run(claim, func(t *testing.T) {
			if err := s.RemoveNew(Listing{}, untracked); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(root, "other/dist/new.js")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBases(t *testing.T) {
	s := Set{Patterns: []string{"dist/**", "./dist/deep/*.js", "lib/x.js", "!kept/**", "../up/**", "/abs/**", "distant/**"}}
	if got, want := s.bases(), []string{"dist", "distant", "lib/x.js"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := (Set{Patterns: []string{"dist/**", "*.js"}}).bases(); !slices.Equal(got, []string{"."}) {
		t.Errorf("got %v", got)
	}
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
		s := Set{Root: root, Dir: filepath.Join(root, "pkg"), Patterns: []string{pattern}, Member: func(path string) bool {
			return path == filepath.Join(root, "pkg") || path == filepath.Join(root, "pkg/inner")
		}}
		empty := Listing{complete: true, taken: time.Now().Add(-time.Minute), seed: maphash.MakeSeed()}
		if err := s.RemoveNew(empty, untracked); err != nil {
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

// TestOutsideOfTheWorkspace: globs may reach packages that lie elsewhere.
func TestOutsideOfTheWorkspace(t *testing.T) {
	top := tree(t, "outside/a/dist/user.js", "ws/packages/inner/dist/user.js")
	root := filepath.Join(top, "ws")
	for from, to := range map[string]string{"packages/a": "../../outside/a", "packages/all": "../../outside", "packages/b": "inner"} {
		if err := os.Symlink(filepath.FromSlash(to), filepath.Join(root, filepath.FromSlash(from))); err != nil {
			t.Skip(err)
		}
	}
	for dir, own := range map[string]bool{
		"../outside/a": false, "packages/a": false, "packages/all/a": false, "../ws/../outside/a": false,
		"packages/inner": true, "packages/b": true, "../ws/packages/inner": true,
	} {
		t.Run(dir, func(t *testing.T) {
			s := Set{Root: root, Dir: filepath.Join(root, filepath.FromSlash(dir)), Patterns: []string{"dist/**"}}
			if l := s.List(); l.complete != own || len(l.there) == 1 != own {
				t.Errorf("listed: %+v", l)
			}
			empty := Listing{complete: true, taken: time.Now().Add(-time.Minute), seed: maphash.MakeSeed()}
			if err := s.RemoveNew(empty, untracked); (err == nil) != own {
				t.Error(err)
			}
			_, err := os.Stat(filepath.Join(s.Dir, "dist/user.js"))
			if removed := err != nil; removed != own {
				t.Errorf("removed: %v", removed)
			}
			write(t, s.Dir, "dist/user.js")
		})
	}
}
