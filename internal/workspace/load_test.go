package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustLoad(t *testing.T, dir string) *Workspace {
	t.Helper()
	w, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func dirs(w *Workspace) string {
	var all []string
	for _, p := range w.Packages {
		all = append(all, p.Dir)
	}
	return strings.Join(all, " ")
}

const outerAndInner = `
-- package.json --
{"name": "outer", "workspaces": ["packages/*", "apps/*"]}
-- package-lock.json --
{}
-- packages/a/package.json --
{"name": "a"}
-- packages/a/src/deep/index.ts --
-- packages/a/fixture/package.json --
{"name": "fixture"}
-- docs/readme.md --
-- apps/free/package.json --
{"name": "free", "workspaces": ["in/*"]}
-- apps/free/in/x/package.json --
{"name": "x"}
-- apps/locked/package.json --
{"name": "locked", "workspaces": ["in/*"]}
-- apps/locked/package-lock.json --
{}
-- apps/locked/in/y/package.json --
{"name": "y"}
-- go-service/go.mod --
module example.com/service
`

func TestRoot(t *testing.T) {
	root := lay(t, outerAndInner)
	for _, c := range []struct{ claim, from, want, members string }{
		{"is the folder itself", ".", ".", "apps/free apps/locked packages/a"},
		{"is found from a member", "packages/a", ".", "apps/free apps/locked packages/a"},
		{"is found from a folder inside a member", "packages/a/src/deep", ".", "apps/free apps/locked packages/a"},
		{"is found from a folder that is no package", "docs", ".", "apps/free apps/locked packages/a"},
		{"is a package that is no member, for itself", "packages/a/fixture", "packages/a/fixture", "."},
		{"is the outer one for a member that has members", "apps/free", ".", "apps/free apps/locked packages/a"},
		{"is the inner one for its own members", "apps/free/in/x", "apps/free", "in/x"},
		{"is a member itself if it has a lock file", "apps/locked", "apps/locked", "in/y"},
		{"is the package.json above a Go module", "go-service", ".", "apps/free apps/locked packages/a"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			w := mustLoad(t, filepath.Join(root, filepath.FromSlash(c.from)))
			if got, _ := filepath.Rel(root, w.Root); filepath.ToSlash(got) != c.want || dirs(w) != c.members {
				t.Errorf("root %s with %s, want %s with %s", got, dirs(w), c.want, c.members)
			}
		})
	}
	t.Run("is found through a symbolic link", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(root, link); err != nil {
			t.Skip("symbolic links cannot be made here:", err)
		}
		if w := mustLoad(t, link); w.Root != root {
			t.Errorf("root %s, want %s", w.Root, root)
		}
	})
	t.Run("takes a member that is a symbolic link, and walks in no circle", func(t *testing.T) {
		circle := lay(t, "-- package.json --\n{\"workspaces\": [\"packages/*\", \"deep/**\"]}\n-- real/a/package.json --\n{\"name\": \"a\"}\n-- deep/b/package.json --\n{\"name\": \"b\"}\n-- packages/c/package.json --\n{}\n")
		if err := os.Symlink("../real/a", filepath.Join(circle, "packages", "a")); err != nil {
			t.Skip("symbolic links cannot be made here:", err)
		}
		if err := os.Symlink("..", filepath.Join(circle, "deep", "up")); err != nil {
			t.Fatal(err)
		}
		if w := mustLoad(t, circle); dirs(w) != "deep/b packages/a packages/c" {
			t.Error(dirs(w))
		}
	})
	t.Run("is an error with the file if the root's package.json is broken", func(t *testing.T) {
		broken := lay(t, "-- package.json --\n{,\n-- yarn.lock --\n-- packages/a/package.json --\n{}\n")
		if _, err := Load(filepath.Join(broken, "packages", "a")); err == nil || !strings.Contains(err.Error(), "package.json:1:2") {
			t.Error(err)
		}
	})
	t.Run("may be a pnpm-workspace.yaml without a package.json", func(t *testing.T) {
		bare := lay(t, "-- pnpm-workspace.yaml --\npackages: [a]\n-- a/package.json --\n{\"name\": \"a\"}\n")
		w := mustLoad(t, filepath.Join(bare, "a"))
		if w.Root != bare || dirs(w) != "a" || w.RootPackage.Dir != "." || w.Manager != PNPM {
			t.Error(w.Root, dirs(w), w.RootPackage)
		}
	})
}

func TestMissingRoot(t *testing.T) {
	for _, c := range []struct{ claim, dir, want string }{
		{"is an error in a folder that belongs to no repository", t.TempDir(), "no package.json, go.mod or go.work in this folder or any above it\n💡 "},
		{"is an error for a folder that is not there", filepath.Join(t.TempDir(), "gone"), "the folder cannot be opened: no such file"},
		{"is an error for a file", filepath.Join(lay(t, "-- f --\n"), "f"), "is a file, not a folder"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			if _, err := Load(c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

func TestPackage(t *testing.T) {
	root := lay(t, "-- package.json --\n{\"workspaces\": [\"a\"]}\n-- a/package.json --\n{\"name\": \"a\", \"version\": \"1.2.3\", \"private\": true, \"scripts\": {\"build\": \"tsc\"}, \"Name\": \"not the name\"}\n")
	w := mustLoad(t, root)
	t.Run("has what its package.json has, in the same letter case", func(t *testing.T) {
		p := w.Packages[0]
		if p.Name != "a" || p.Version != "1.2.3" || !p.private || p.Scripts["build"] != "tsc" || p.Path != filepath.Join(root, "a") {
			t.Errorf("%+v", p)
		}
		if !strings.HasPrefix(string(p.Manifest), `{"name": "a"`) {
			t.Errorf("%s", p.Manifest)
		}
	})
	t.Run("has a map of scripts even if there are none", func(t *testing.T) {
		if w.RootPackage.Scripts == nil {
			t.Error("Scripts is nil")
		}
	})
}

func TestLerna(t *testing.T) {
	const files = `
-- package.json --
{"name": "top"}
-- package-lock.json --
{}
-- lerna.json --
{"packages": ["modules/*"], "version": "independent"}
-- modules/a/package.json --
{"name": "a", "version": "1.0.0"}
-- modules/b/package.json --
{"name": "b", "version": "1.0.0", "dependencies": {"a": "^1.0.0"}}
-- packages/c/package.json --
{"name": "c", "version": "1.0.0"}
`
	for _, tt := range []struct{ claim, more, want string }{
		{"its packages are the members", "", "modules/a modules/b"},
		{"unless the package manager knows others", "-- package.json --\n{\"workspaces\": [\"packages/*\"]}\n", "packages/c"},
		{"a file without packages changes nothing", "-- lerna.json --\n{\"version\": \"1.0.0\"}\n", "."},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			w := mustLoad(t, lay(t, files+tt.more))
			if got := dirs(w); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.more == "" && (len(w.Packages[1].Dependencies) != 1 || mustLoad(t, filepath.Join(w.Root, "modules/a")).Root != w.Root) {
				t.Error("no edge, or the root is not found from a member")
			}
		})
	}
	_, err := Load(lay(t, files+"-- lerna.json --\n{\n"))
	if err == nil || !strings.Contains(err.Error(), "lerna.json:") {
		t.Errorf("got %v", err)
	}
}

func TestForeign(t *testing.T) {
	for _, tt := range []struct{ claim, files, from, want, hint string }{
		{"Rush", "-- rush.json --\n{}\n", ".", "rush.json: this is a repository of Rush", "rush build"},
		{"a package of Rush", "-- .git/config --\n-- rush.json --\n{}\n-- apps/a/package.json --\n{}\n", "apps/a", "rush.json: this is a repository of Rush", "rush build"},
		{"moon", "-- .moon/workspace.yml --\n", ".", ".moon: this is a repository of moon", "moon run"},
		{"Deno", "-- deno.jsonc --\n{}\n-- src/a.ts --\n", "src", "deno.jsonc: this is a repository of Deno", "deno task"},
		{"Bazel", "-- MODULE.bazel --\n", ".", "MODULE.bazel: this is a repository of Bazel", "bazel build"},
		{"nothing", "-- .git/config --\n-- a.txt --\n", ".", "no package.json", "npm init"},
		{"beside a workspace", "-- .moon/workspace.yml --\n-- rush.json --\n{}\n-- package.json --\n{\"workspaces\": [\"p/*\"]}\n-- p/a/package.json --\n{}\n", ".", "", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, err := Load(filepath.Join(lay(t, tt.files), tt.from))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.hint)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
