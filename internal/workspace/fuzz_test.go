package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seeds adds the files of the fixtures that have the given name.
func seeds(f *testing.F, name string) {
	f.Helper()
	archives, _ := filepath.Glob("testdata/oddities/*.txtar")
	for _, file := range archives {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for at, body := range parseArchive(string(text)).files {
			if filepath.Base(at) == name {
				f.Add([]byte(body))
			}
		}
	}
}

func FuzzManifest(f *testing.F) {
	seeds(f, "package.json")
	f.Add([]byte("null"))
	f.Add([]byte(`{"name": "\ud800", "workspaces": {"packages": {"a": 1}}, "packageManager": 1}`))
	f.Add([]byte(`{"workspaces": null, "devEngines": {"packageManager": [[]]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, mistake := parseManifest(text)
		if (m == nil) == (mistake == nil) {
			t.Fatal("neither or both of manifest and mistake")
		}
		if mistake != nil {
			plain(t, mistake.what)
			return
		}
		patterns, _, mistake := m.globs()
		if mistake != nil {
			plain(t, mistake.what)
		}
		found := manager{}
		found.declared(m)
		compileGlobs(patterns, found)
	})
}

func FuzzSettings(f *testing.F) {
	seeds(f, "pnpm-workspace.yaml")
	seeds(f, ".yarnrc.yml")
	f.Add([]byte("packages: &a [x, *a]\ncatalogs: *a\n"))
	f.Add([]byte("- a\n- b\n"))
	f.Add([]byte("---\npackages: [a]\n---\npackages: 1\n"))
	f.Add([]byte("\xef\xbb\xbfpackages:\n  - a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, mistake := parseSettings(text)
		if (s == nil) == (mistake == nil) {
			t.Fatal("neither or both of settings and mistake")
		}
		if mistake != nil {
			plain(t, mistake.what)
		} else if len(s.packages) > 0 && !s.hasPackages {
			t.Fatal("packages that are not there")
		}
	})
}

func FuzzGoFile(f *testing.F) {
	f.Add([]byte("module m\n\ngo 1.26\n\nrequire (\n\ta v1 // indirect\n\t\"b\" v2\n)\ntool x/y\n"))
	f.Add([]byte("use ./a\nuse (\n ./b\n)\n"))
	f.Add([]byte("module `x\n"))
	f.Add([]byte("require ()\n)\n("))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, mistake := parseGoFile(text)
		if (file == nil) == (mistake == nil) {
			t.Fatal("neither or both of file and mistake")
		}
		if mistake != nil {
			plain(t, mistake.what)
		}
	})
}

// FuzzGlobs holds the two ways to ask against each other: walking the folders
// and matching a path.
func FuzzGlobs(f *testing.F) {
	for _, seed := range []string{"packages/*", "**", "a/**/c", "{a,b/*}", "!a/b", "a/!(b|c)", "./a/", "[", ".x/*", "a/.h/*", "../a", "*/{b,c}/**", "a/**/**/c"} {
		f.Add(seed, "!**/c")
	}
	root := f.TempDir()
	all := []string{"a", "a/b", "a/b/c", "a/c", "a/.h", "a/.h/c", "b", "b/c", ".x", ".x/a", "a/node_modules", "a/node_modules/c", "packages/a"}
	for _, dir := range all {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, second string) {
		if strings.ContainsAny(pattern+second, "\x00\\") || len(pattern)+len(second) > 200 {
			return
		}
		for _, m := range []manager{{name: NPM}, {name: PNPM}, {name: Yarn}, {name: Yarn, berry: true}} {
			for _, rule := range compileGlobs([]string{pattern, second}, m) {
				walked := map[string]bool{}
				for _, dir := range newGlobber(root).folders(rule) {
					walked[dir] = true
					if inNodeModules(dir) {
						t.Fatalf("%q goes into node_modules: %s", rule.text, dir)
					}
				}
				for _, dir := range all {
					if walked[dir] != rule.contains(dir) {
						t.Fatalf("%q and %s: walking says %v, matching %v", rule.text, dir, walked[dir], rule.contains(dir))
					}
				}
			}
		}
	})
}

// plain fails for a message that a user cannot read: empty, of several lines,
// or with a Go type in it.
func plain(t *testing.T, what string) {
	t.Helper()
	if what == "" || strings.Contains(what, "\n") || strings.Contains(what, "Go value") || strings.Contains(what, "interface") {
		t.Fatalf("no message for a user: %q", what)
	}
}
