package taskenv

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/fingerprint"
)

// names are those of variables or of keyed entries.
func names(entries []string) string {
	var all []string
	for _, e := range entries {
		name, _, _ := strings.Cut(e, "=")
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestDecide(t *testing.T) {
	usual := []string{"PATH=/bin", "HOME=/home/x", "CI=true", "SECRET=hidden", "HTTPS_PROXY=p", "GH_TOKEN=t"}
	for _, tt := range []struct {
		claim                   string
		q                       Question
		passed, keyed, withheld string
	}{
		{"withholds what is not known, and keys nothing that is the machine's", Question{},
			"CI GH_TOKEN HOME HTTPS_PROXY PATH", "", "SECRET"},
		{"keys NODE_ENV and the user's NODE_OPTIONS", Question{Environ: []string{"NODE_ENV=test", "NODE_OPTIONS=--conditions=x"}},
			"NODE_ENV NODE_OPTIONS", "NODE_ENV NODE_OPTIONS", ""},
		{"keys what the sources name", Question{Names: []string{"SECRET", "CI", "ABSENT"}},
			"CI GH_TOKEN HOME HTTPS_PROXY PATH SECRET", "CI SECRET", ""},
		{"does not key what is the machine's if only a source names it", Question{Names: []string{"PATH", "HOME", "GH_TOKEN"}},
			"CI GH_TOKEN HOME HTTPS_PROXY PATH", "", "SECRET"},
		{"keys it if it is declared", Question{Env: []string{"HOME"}},
			"CI GH_TOKEN HOME HTTPS_PROXY PATH", "HOME", "SECRET"},
		{"keys a setting of npm only if it is named", Question{Environ: []string{"npm_config_a=1", "npm_config_b=2", "JAVA_HOME=/j"}, Scripts: []string{"x $npm_config_a"}},
			"JAVA_HOME npm_config_a npm_config_b", "npm_config_a", ""},
		{"keys what the script names", Question{Scripts: []string{"tsc --outDir $SECRET"}},
			"CI GH_TOKEN HOME HTTPS_PROXY PATH SECRET", "SECRET", ""},
		{"passes what is declared to pass, not keyed", Question{PassThrough: []string{"SEC*"}},
			"CI GH_TOKEN HOME HTTPS_PROXY PATH SECRET", "", ""},
		{"keys language, time zone and CI for tests", Question{Environ: []string{"TZ=UTC", "LANG=C", "LC_ALL=C", "CI=1"}, Test: true},
			"CI LANG LC_ALL TZ", "CI LANG LC_ALL TZ", ""},
		{"passes them, not keyed, elsewhere", Question{Environ: []string{"TZ=UTC", "LANG=C", "LC_ALL=C", "CI=1"}},
			"CI LANG LC_ALL TZ", "", ""},
		{"keys what a framework puts into what it builds",
			Question{Environ: []string{"NEXT_PUBLIC_A=1", "VITE_B=2"}, Dependencies: []string{"next", "react"}},
			"NEXT_PUBLIC_A", "NEXT_PUBLIC_A", "VITE_B"},
		{"leaves out what a declaration excludes",
			Question{Environ: []string{"NEXT_PUBLIC_A=1", "NEXT_PUBLIC_B=2"}, Dependencies: []string{"next"}, Env: []string{"!NEXT_PUBLIC_B"}},
			"NEXT_PUBLIC_A", "NEXT_PUBLIC_A", "NEXT_PUBLIC_B"},
		{"passes ours and never keys them, even if they are declared",
			Question{Environ: []string{environ.Budget + "=6GB", environ.Task + "=x", "GOMEMLIMIT=1"}, Env: []string{"*"}},
			"GOMEMLIMIT HEAPMAGE_BUDGET HEAPMAGE_TASK", "", ""},
		{"is strict as Turborepo: only what is declared and what it always passes",
			Question{Mode: Strict, Env: []string{"SECRET"}, Names: []string{"HTTPS_PROXY"}},
			"CI HOME PATH SECRET", "SECRET", "GH_TOKEN HTTPS_PROXY"},
		{"is loose as Turborepo: everything, and only what is declared is keyed",
			Question{Mode: Loose, Env: []string{"CI"}},
			"CI GH_TOKEN HOME HTTPS_PROXY PATH SECRET", "CI", ""},
		{"counts the last of several entries", Question{Environ: []string{"A=1", "A=2"}, Names: []string{"A"}},
			"A", "A", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if tt.q.Environ == nil {
				tt.q.Environ = usual
			}
			a := Decide(tt.q)
			if names(a.Pass) != tt.passed || names(a.Keyed) != tt.keyed || strings.Join(a.Withheld, " ") != tt.withheld {
				t.Errorf("passed %q, keyed %q, withheld %q", names(a.Pass), names(a.Keyed), a.Withheld)
			}
		})
	}
}

func TestKeyed(t *testing.T) {
	of := func(entry string) string {
		name, _, _ := strings.Cut(entry, "=")
		return strings.Join(Decide(Question{Environ: []string{entry}, Env: []string{name}}).Keyed, " ")
	}
	t.Run("changes with the value, and does not show it", func(t *testing.T) {
		if of("A=hidden") == of("A=other") || strings.Contains(of("A=hidden"), "hidden") {
			t.Error(of("A=hidden"))
		}
	})
	t.Run("tells empty from not set", func(t *testing.T) {
		if of("A=") == "" {
			t.Error("an empty value is not keyed")
		}
	})
	t.Run("does not change with limits of memory", func(t *testing.T) {
		want := of("NODE_OPTIONS=--conditions=x")
		for _, options := range []string{
			"--conditions=x --max-old-space-size=4096", "--max_old_space_size 100 --conditions=x",
			"--require=/tmp/.heapmage-0/agent-0123456789ab.cjs --conditions=x",
		} {
			if of("NODE_OPTIONS="+options) != want {
				t.Error(options)
			}
		}
		if of("NODE_OPTIONS=--conditions=y") == want {
			t.Error("nor with anything else")
		}
	})
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		glob, name string
		want       bool
	}{
		{"A", "A", true}, {"A", "AB", false}, {"A*", "A", true}, {"A*", "ABC", true}, {"*_TOKEN", "GH_TOKEN", true},
		{"A*C*E", "ABCDE", true}, {"A*C*E", "ABCD", false}, {"*", "", true}, {"A*A", "A", false},
	} {
		if matchGlob(tt.glob, tt.name) != tt.want {
			t.Error(tt)
		}
	}
}

func TestScanner(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.ts")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	scanner := func() *Scanner {
		return NewScanner(fingerprint.Open(root, ".heapmage/cache", "digests"), root, ".heapmage/cache", "env")
	}
	expect := func(s *Scanner, want string) {
		t.Helper()
		if got, err := s.Names(path); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q, %v; not %q", got, err, want)
		}
	}
	write("process.env.A + process.env['two words']")
	s := scanner()
	expect(s, "A two words")
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	s = scanner()
	d, err := s.digests.File(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := s.notes.Of(d); !ok || text != "A\ntwo words" {
		t.Errorf("it kept %q, %v", text, ok)
	}
	expect(s, "A two words")
	write("process.env.B")
	expect(s, "B")
	for _, name := range []string{"gone.ts", "", "a.png"} {
		if got, err := s.Names(filepath.Join(root, name)); got != nil || err != nil {
			t.Error(name, got, err)
		}
	}
}

// TestNamesThatCount: a package manager's own program names variables for others, and what
// differs from machine to machine does not count for being named.
func TestNamesThatCount(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	s := NewScanner(fingerprint.Open(root, ".heapmage/cache", "digests"), root, ".heapmage/cache", "env")
	for path, want := range map[string]string{
		filepath.Join(root, "a.js"):                                "A",
		filepath.Join(root, ".yarn/releases/yarn-4.0.0.cjs"):       "",
		filepath.Join(root, ".yarn/plugins/@yarnpkg/plugin-x.cjs"): "",
		filepath.Join(root, ".pnp.cjs"):                            "",
		filepath.Join(root, "node_modules/.client/index.js"):       "A",
		filepath.Join(outside, "lib/node_modules/yarn/lib/cli.js"): "",
		filepath.Join(outside, "shared/config.js"):                 "A",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("f(process.env.A, process.env.PATH, process.env.HOME)"), 0o644)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Names(path); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; not %q", path, got, err, want)
		}
	}
}
