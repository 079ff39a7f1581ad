package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

func TestWithScript(t *testing.T) {
	const from, to = "Scripts/Worker.js", "scripts/worker.js"
	for _, tt := range []struct {
		claim, text, want string // an empty want is an error
	}{
		{"nothing else changes", "{\n\t\"a\" : 1.0,\r\n   \"scripts\": {\"x\" :\"node Scripts/Worker.js \\u0026 é\",\n\n \"y\":\"Scripts/Worker.js\"} }\n\n",
			"{\n\t\"a\" : 1.0,\r\n   \"scripts\": {\"x\" :\"node scripts/worker.js \\u0026 é\",\n\n \"y\":\"Scripts/Worker.js\"} }\n\n"},
		{"a byte order mark stays", "\xef\xbb\xbf{\"scripts\":{\"x\":\"node Scripts/Worker.js\"}}", "\xef\xbb\xbf{\"scripts\":{\"x\":\"node scripts/worker.js\"}}"},
		{"so do comments, as bun has them", "{ // why\n\"scripts\":{\"x\":\"node Scripts/Worker.js\",},}", "{ // why\n\"scripts\":{\"x\":\"node scripts/worker.js\",},}"},
		{"a path that is there twice stays", `{"scripts":{"x":"node Scripts/Worker.js && node Scripts/Worker.js"}}`, ""},
		{"so does one in escapes", `{"scripts":{"x":"node Scripts\/Worker.js"}}`, ""},
		{"so does a script that is there twice", `{"scripts":{"x":"node Scripts/Worker.js","x":"node Scripts/Worker.js"}}`, ""},
		{"so does one that is gone", `{"scripts":{}}`, ""},
		{"so does one that is no text", `{"scripts":{"x":["Scripts/Worker.js"]}}`, ""},
		{"so does what is no JSON", `{"scripts":`, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, err := withScript([]byte(tt.text), "x", from, to)
			if string(got) != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	if got, err := withScript([]byte(`{"scripts":{"a/b~c":"node Scripts/Worker.js"}}`), "a/b~c", from, to); err != nil || !strings.Contains(string(got), to) {
		t.Errorf("a name with signs of a pointer: %s, %v", got, err)
	}
}

// TestFix: of all findings those are fixed that say so, and only what they name changes.
func TestFix(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	const manifest = "{\"scripts\":  {\"build\": \"node Scripts/Worker.js\",\n \"lost\": \"node Scripts/gone.js\", \"two\": \"node ./either.js\"}}"
	write("core/package.json", manifest)
	write("core/scripts/worker.js", "")
	write("core/EITHER.js", "")
	write("core/Either.js", "")
	if _, err := os.Stat(filepath.Join(root, "core/SCRIPTS")); err == nil {
		t.Skip("this file system does not tell upper and lower case apart")
	}
	write("elsewhere/kept", "kept")
	if err := os.Symlink(filepath.Join(root, "elsewhere"), filepath.Join(root, ".heapmage")); err != nil {
		t.Fatal(err)
	}
	core := &workspace.Package{Name: "core", Dir: "core", Path: filepath.Join(root, "core"), Manifest: []byte(manifest),
		Scripts: map[string]string{"build": "node Scripts/Worker.js", "lost": "node Scripts/gone.js", "two": "node ./either.js"}}
	s := setUp(root, nil)
	s.Packages = []*workspace.Package{core}
	before := examine(Gather(t.Context(), s))
	after := slices.Clone(before)
	applyFixes(after)
	var fixed, named []string
	for i, f := range after {
		if before[i].Fix != "" {
			named = append(named, f.Check)
		}
		if f.Level == Fixed {
			fixed = append(fixed, f.Check)
			if len(f.Changed) == 0 {
				t.Errorf("it does not tell what has changed: %+v", f)
			}
		}
	}
	if want := []string{"worker", "state"}; !slices.Equal(fixed, want) || !slices.Equal(named, want) {
		t.Errorf("fixed: %q, named: %q", fixed, named)
	}
	if got, err := os.ReadFile(filepath.Join(root, "core/package.json")); string(got) != strings.Replace(manifest, "Scripts/Worker.js", "scripts/worker.js", 1) {
		t.Errorf("%s, %v", got, err)
	}
	if info, err := os.Stat(filepath.Join(root, "core/package.json")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(root, "elsewhere/kept")); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Join(root, "core"))
	if err != nil || len(entries) != 4 {
		t.Errorf("%v, %v", entries, err)
	}
	if f := Gather(t.Context(), s); f.StateError != "" {
		t.Error(f.StateError)
	}

	t.Run("what cannot be done is told", func(t *testing.T) {
		again := slices.Clone(before)
		applyFixes(again)
		for _, f := range again {
			if f.Fix != "" && (f.Level == Fixed || !strings.Contains(f.Do, "-fix could not: ")) {
				t.Errorf("%+v", f)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	f := well()
	f.MissingFiles = []Script{{Packages: []string{"core"}, Name: "dev", Text: "x.js", Unused: true}}
	without, with := Options{}.Examine(f), Options{All: true}.Examine(f)
	if len(without.findings)+1 != len(with.findings) || without.leftOut != 1 || with.leftOut != 0 {
		t.Errorf("%+v\n%+v", without, with)
	}
	if without.Err() != nil || with.Err() == nil {
		t.Errorf("%v, %v", without.Err(), with.Err())
	}
	f.MissingFiles[0].fixes = []fix{func() (string, error) { return "changed x", nil }}
	if got := (Options{All: true, Fix: true}).Examine(f); got.Err() != nil {
		t.Error(got.Err())
	}
}
