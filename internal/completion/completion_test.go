package completion

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/heapmage/heapmage/internal/testkit"
)

var sources = fstest.MapFS{
	"targets.go": {Data: []byte(`package mage

// Lint checks.
func Lint(
	ctx context.Context,
	workspace *string, // packages	to lint
	fix *bool, // fix it
) error { return nil }

type Memory mg.Namespace

func (Memory) Watch(ctx context.Context, pid *string) error { return nil }

func helper(x *string) {}
`)},
	"build/targets.go": {Data: []byte("package build\n\nfunc Managed(nodeps *bool) error { return nil }\n")},
}

func TestWrite(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, "package.json", `{"name": "root", "workspaces": ["packages/*"], "scripts": {"release": "x"}}`)
	testkit.Write(t, root, "packages/core/package.json", `{"name": "@acme/core", "scripts": {"build": "tsc -b", "a b": "x"}}`)
	testkit.Write(t, root, "packages/cli/package.json", `{"name": "@acme/cli", "scripts": {"build": "tsc", "gen": "x"}}`)
	testkit.Write(t, root, "packages/odd $(x)/package.json", `{"name": "odd", "scripts": {}}`)
	const run = "0123456789abcdef01234567"
	testkit.Write(t, root, ".heapmage/runs/"+run+"/events.jsonl", "")
	t.Chdir(root)
	targets, err := readTargets(sources)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ line, want string }{
		{"mage lint -", "-workspace= -fix"},
		{"mage lint -f", "-fix"},
		{"mage LINT -f", "-fix"},
		{"mage lint -fix -", "-workspace="},
		{"mage -v -t 5m lint -Workspace=core -", "-fix"},
		{"mage lint memory:watch -", "-pid="},
		{"mage build:managed -", "-nodeps"},
		{"mage unknown -", ""},
		{"mage -", ":flags"},
		{"mage -d packages -", ":flags"},
		{"mage lint -workspace=", "-workspace=cli -workspace=core -workspace=odd -workspace=root"},
		{"mage lint -workspace=@acme/c", "-workspace=@acme/cli -workspace=@acme/core"},
		{"mage lint -workspace=packages/", "-workspace=packages/cli -workspace=packages/core"},
		{"mage lint -exclude=core,c", "-exclude=core,cli"},
		{"mage run -script=", "-script=build -script=gen -script=release"},
		{"mage run -script=gen,", "-script=gen,build -script=gen,release"},
		{"mage plan -target=t", "-target=test -target=typecheck"},
		{"mage why -task=cli#", "-task=cli#build -task=cli#gen"},
		{"mage memory:report -compare=0", "-compare=" + run},
		{"mage lint -output=g", "-output=grouped"},
		{"mage completion -shell=", "-shell=bash -shell=fish -shell=zsh"},
		{"mage -w /nowhere lint -workspace=", ""},
		{"mage lint -since=", ""},
		{"mage -t ", ""},
		{"mage -d ", ""},
		{"mage", ""},
		{"", ""},
		{"mage 'lint", ""},
	} {
		t.Run(tt.line, func(t *testing.T) {
			var out strings.Builder
			if err := write(&out, targets, tt.line); err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(out.String()) {
				word, help, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				if strings.Contains(help, "\t") {
					t.Errorf("a tab is left in the help: %q", help)
				}
				got = append(got, word)
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if err := os.RemoveAll(filepath.Join(root, ".heapmage")); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, ".*"))
	if err != nil || len(found) > 0 {
		t.Errorf("written: %q, %v", found, err)
	}
}

func TestState(t *testing.T) {
	dir := t.TempDir()
	before := state(dir)
	if state(dir) != before {
		t.Error("it changes by itself")
	}
	testkit.Write(t, dir, "magefile.go", "package main\n")
	if state(dir) == before {
		t.Error("it does not change with a magefile")
	}
	if state(t.TempDir()) == before {
		t.Error("it is that of another folder")
	}
	var out strings.Builder
	if err := write(&out, nil, "mage -d '"+dir+"' "); err != nil || !strings.HasPrefix(out.String(), ":targets\t"+dir+"\t") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestScript(t *testing.T) {
	cache := t.TempDir()
	for _, shell := range shells {
		for program, name := range map[string]string{filepath.Join(cache, "0123"): "mage", filepath.Join(os.TempDir(), "it's here", "build.bin"): "build.bin"} {
			text, err := script(shell, program, cache)
			if err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"PROGRAM", "COMMAND", "FUNCTION", "LIST"} {
				if strings.Contains(text, left) {
					t.Errorf("%s: %s is left", shell, left)
				}
			}
			if !strings.Contains(text, "Completion of "+name+" ") || strings.Contains(text, "-autocomplete") != (name == "mage") {
				t.Errorf("%s of %s:\n%s", shell, name, text)
			}
		}
	}
}
