package pkgmanager

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/heapmage/heapmage/internal/glob"
	"github.com/heapmage/heapmage/internal/packagejson"
)

// seeds adds the files of that name in the fixtures of package workspace.
func seeds(f *testing.F, name string) {
	f.Helper()
	archives, err := filepath.Glob("../workspace/testdata/oddities/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no fixtures", err)
	}
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, at := range archive.Files {
			if filepath.Base(at.Name) == name {
				f.Add(at.Data)
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
		m, mistake := packagejson.Parse(text)
		if (m == nil) == (mistake == nil) {
			t.Fatal("neither or both of manifest and mistake")
		}
		if mistake != nil {
			plain(t, mistake.What)
			return
		}
		patterns, _, mistake := m.Workspaces()
		if mistake != nil {
			plain(t, mistake.What)
		}
		found := Manager{}
		found.declared(m)
		glob.Compile(patterns, found.Negation())
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
			plain(t, mistake.What)
		} else if len(s.Packages) > 0 && !s.HasPackages {
			t.Fatal("packages that are not there")
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
