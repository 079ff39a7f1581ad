package declared

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// repository is a workspace of the packages a, b and c, with the given files.
func repository(t *testing.T, files string) (*workspace.Workspace, *config.Config) {
	t.Helper()
	root := t.TempDir()
	const common = `
-- package.json --
{"name": "top", "private": true, "workspaces": ["packages/*"], "scripts": {"schema": "x"}}
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "scripts": {"build": "x", "codegen": "x", "check-types": "x", "serve": "x"}}
-- packages/b/package.json --
{"name": "b", "version": "1.0.0", "scripts": {"build": "x", "codegen": "x"}}
-- packages/c/package.json --
{"name": "c", "version": "1.0.0", "scripts": {"build": "x"}}
`
	for _, f := range append(txtar.Parse([]byte(common)).Files, txtar.Parse([]byte(files)).Files...) {
		path := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ws, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ws, c
}

// tells checks what is told of a task of a repository.
func tells(t *testing.T, files, task, want string) (*Model, *workspace.Workspace) {
	t.Helper()
	ws, c := repository(t, files)
	m, err := Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(t, m, ws, task); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	return m, ws
}

// told is what the model has for "a#build", as "dependsOn: ^build (turbo.json)".
func told(t *testing.T, m *Model, ws *workspace.Workspace, task string) string {
	t.Helper()
	name, target, _ := strings.Cut(task, "#")
	for _, pkg := range append(slices.Clone(ws.Packages), ws.RootPackage) {
		if pkg.Name != name {
			continue
		}
		var lines []string
		for _, l := range m.Task(pkg, target, target).Explain(true) {
			lines = append(lines, l.Key+": "+l.Value+" ("+strings.TrimSuffix(strings.TrimSuffix(l.From, " (for cache: on)"), " (not used: what is read is seen)")+")")
		}
		return strings.Join(lines, "; ")
	}
	t.Fatalf("no package is called %s", name)
	return ""
}

// texts are the summaries without their hints.
func texts(m *Model) (all []string) {
	for _, s := range m.Summaries() {
		all = append(all, s.Text)
	}
	return all
}

func TestTurbo(t *testing.T) {
	for _, tt := range []struct{ claim, files, task, want string }{
		{"nothing is declared", "", "a#build", "dependsOn: ^build (heapmage's default)"},
		{"a task of turbo.json", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build", "codegen"], "outputs": ["dist/**", "!dist/tmp/**"]}}}`,
			"a#build", "dependsOn: ^build, codegen (turbo.json); outputs: dist/**, !dist/tmp/** (turbo.json)"},
		{"comments, trailing commas and a byte order mark", "-- turbo.jsonc --\n\ufeff" + `{ // here
 "tasks": {"build": {"dependsOn": ["codegen",], /* and */ },},}`, "a#build", "dependsOn: codegen (turbo.jsonc)"},
		{"a file that a script of the root names", `-- package.json --
{"name": "top", "private": true, "workspaces": ["packages/*"], "scripts": {"turbo": "turbo --root-turbo-json ./.config/t.jsonc", "build": "turbo --root-turbo-json=.config/t.jsonc run build"}}
-- .config/t.jsonc --
{"tasks": {"build": {"dependsOn": ["codegen"]}}}`, "a#build", "dependsOn: codegen (.config/t.jsonc)"},
		{"one that a variable names", `-- package.json --
{"name": "top", "private": true, "workspaces": ["packages/*"], "scripts": {"build": "TURBO_ROOT_TURBO_JSON=t.json turbo run build"}}
-- t.json --
{"tasks": {"build": {"dependsOn": ["codegen"]}}}`, "a#build", "dependsOn: codegen (t.json)"},
		{"the pipeline of turbo 1, with a variable in it", `-- turbo.json --
{"pipeline": {"build": {"dependsOn": ["$CI", "^build"]}}}`, "a#build", "dependsOn: ^build (turbo.json); env: CI (turbo.json)"},
		{"a task that comes after nothing", `-- turbo.json --
{"tasks": {"build": {}}}`, "a#build", "dependsOn: nothing (turbo.json)"},
		{"one that it does not name", `-- turbo.json --
{"tasks": {"lint": {}}}`, "a#build", "dependsOn: ^build (heapmage's default)"},
		{"names are exact", `-- turbo.json --
{"tasks": {"build": {"DependsOn": ["codegen"]}}}`, "a#build", "dependsOn: nothing (turbo.json)"},
		{"the task of one package stands instead of the general one", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build"], "outputs": ["dist/**"]}, "a#build": {"dependsOn": ["codegen"]}}}`, "a#build", "dependsOn: codegen (turbo.json)"},
		{"and of the root", `-- turbo.json --
{"tasks": {"schema": {"dependsOn": ["^build"]}, "//#schema": {"inputs": ["x"]}}}`, "top#schema", "dependsOn: nothing (turbo.json); inputs: x (turbo.json)"},
		{"what a cache needs", `-- turbo.json --
{"tasks": {"build": {"inputs": ["$TURBO_DEFAULT$", "!*.md"], "env": ["A_*"], "passThroughEnv": ["T"], "cache": false}}}`, "a#build",
			"dependsOn: nothing (turbo.json); inputs: $TURBO_DEFAULT$, !*.md (turbo.json); env: A_* (turbo.json); passThroughEnv: T (turbo.json); cache: false (turbo.json)"},
		{"with and persistent", `-- turbo.json --
{"tasks": {"serve": {"persistent": true, "with": ["b#serve"]}}}`, "a#serve", "dependsOn: nothing (turbo.json); with: b#serve (turbo.json); persistent: true (turbo.json)"},
		{"null is nothing", `-- turbo.json --
{"tasks": {"build": {"dependsOn": null, "outputs": null}}, "concurrency": null}`, "a#build", "dependsOn: nothing (turbo.json)"},
		{"a package's list replaces the root's, key by key", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build"], "outputs": ["dist/**"]}}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"build": {"dependsOn": ["codegen"]}}}`, "a#build", "dependsOn: codegen (packages/a/turbo.json); outputs: dist/** (turbo.json)"},
		{"not that of the others", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build"]}}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"build": {"dependsOn": ["codegen"]}}}`, "b#build", "dependsOn: ^build (turbo.json)"},
		{"or adds to it", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build"]}}}
-- packages/a/turbo.jsonc --
{"extends": ["//"], "tasks": {"build": {"dependsOn": ["$TURBO_EXTENDS$", "codegen"]}}}`, "a#build", "dependsOn: ^build, codegen (turbo.json, packages/a/turbo.jsonc)"},
		{"or clears it", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build"]}}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"build": {"dependsOn": []}}}`, "a#build", "dependsOn: nothing (packages/a/turbo.json)"},
		{"a task that only a package has", `-- turbo.json --
{"tasks": {}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"codegen": {"outputs": ["gen/**"]}}}`, "a#codegen", "dependsOn: nothing (turbo.json); outputs: gen/** (packages/a/turbo.json)"},
		{"a package extends another", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build"]}}}
-- packages/b/turbo.json --
{"extends": ["//"], "tasks": {"build": {"dependsOn": ["$TURBO_EXTENDS$", "codegen"]}}}
-- packages/a/turbo.json --
{"extends": ["//", "b"], "tasks": {"build": {"outputs": ["dist/**"]}}}`, "a#build",
			"dependsOn: ^build, codegen (turbo.json, packages/b/turbo.json); outputs: dist/** (packages/a/turbo.json)"},
		{"packages that extend each other", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^build"]}}}
-- packages/b/turbo.json --
{"extends": ["//", "a"], "tasks": {}}
-- packages/a/turbo.json --
{"extends": ["//", "b"], "tasks": {"build": {"cache": false}}}`, "a#build", "dependsOn: ^build (turbo.json); cache: false (packages/a/turbo.json)"},
		{"a package leaves a task out", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["codegen"]}}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"build": {"extends": false}}}`, "a#build", "dependsOn: nothing (packages/a/turbo.json)"},
		{"or begins anew", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["codegen"]}}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"build": {"extends": false, "cache": true}}}`, "a#build", "dependsOn: nothing (packages/a/turbo.json); cache: true (packages/a/turbo.json)"},
		{"heapmage.yaml wins, key by key", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["codegen"], "outputs": ["dist/**"]}}}
-- heapmage.yaml --
tasks: {build: {dependsOn: [^build]}}`, "a#build", "dependsOn: ^build (heapmage.yaml); outputs: dist/** (turbo.json)"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			tells(t, tt.files, tt.task, tt.want)
		})
	}
}

func TestTurboSummary(t *testing.T) {
	for _, tt := range []struct{ claim, files, want string }{
		{"no file, no line", "", ""},
		{"a file that is obeyed", `-- turbo.jsonc --
{"$schema": "x", "globalEnv": ["A"], "globalDependencies": ["b"], "tasks": {"build": {"dependsOn": ["^build"], "inputs": ["src/**"], "env": ["X"], "cache": true}}}`,
			"turbo.jsonc declares the order of tasks"},
		{"each key that is not obeyed, once", `-- turbo.json --
{"ui": "tui", "tasks": {"build": {"outputLogs": "none"}, "test": {"outputLogs": "full", "interactive": true}}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"build": {"outputLogs": "none"}}}`,
			"turbo.json and that of one package declare the order of tasks; not obeyed: ui, outputLogs, interactive"},
		{"a package's file that is another root", `-- turbo.json --
{"tasks": {}}
-- packages/a/turbo.json --
{"tasks": {"build": {"dependsOn": ["codegen"]}}}`,
			`turbo.json declares the order of tasks; not read: packages/a/turbo.json (it has no "extends": ["//"])`},
		{"a name that means nothing", `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["^biuld", "codegen", "//#schema", "ready", "a#tset"]}, "ready": {}}}`,
			"turbo.json declares the order of tasks; neither a task nor a script: biuld, tset"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			m, err := Load(repository(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(texts(m), "\n"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTurboErrors(t *testing.T) {
	for _, tt := range []struct{ claim, files, want string }{
		{"text that is no JSON", "-- turbo.json --\n{", "turbo.json: invalid JSON"},
		{"a file that is a list", "-- turbo.json --\n[]", "turbo.json:1: the file is not an object"},
		{"a task that is a list", "-- turbo.json --\n{\"tasks\": {\n\"build\": []}}", "turbo.json:2: tasks.build is not an object"},
		{"a text instead of a list", "-- turbo.json --\n{\"tasks\": {\"build\": {\n\n\"dependsOn\": \"codegen\"}}}", "turbo.json:3: tasks.build.dependsOn is not a list"},
		{"a list of something else", "-- turbo.json --\n{\"tasks\": {\"build\": {\"outputs\": [1]}}}", "turbo.json:1: tasks.build.outputs holds something that is not a string"},
		{"a text instead of a flag", "-- turbo.json --\n{\"tasks\": {\"build\": {\"persistent\": \"yes\"}}}", "turbo.json:1: tasks.build.persistent is neither true nor false"},
		{"the file of a package", "-- turbo.json --\n{}\n-- packages/b/turbo.jsonc --\n{\"extends\": \"//\"}", "packages/b/turbo.jsonc:1: extends is not a list"},
		{"both names at once", "-- turbo.json --\n{}\n-- turbo.jsonc --\n{}", "turbo.json: stands beside a turbo.jsonc"},
		{"a concurrency that is none", "-- turbo.json --\n{\"concurrency\": \"many\"}", "turbo.json:1: concurrency is neither"},
		{"a text that is all brackets", "-- turbo.json --\n" + strings.Repeat("[", 1<<20), "turbo.json: is nested too deeply"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, err := Load(repository(t, tt.files))
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || !strings.HasPrefix(err.Error(), tt.want) || p.Hint == "" || p.ExitStatus() != problem.ExitUsage {
				t.Errorf("got %.200q, want %q", err, tt.want)
			}
		})
	}
}

func TestTurboConcurrency(t *testing.T) {
	for text, want := range map[string]int{"3": 3, "1": 1, "0.1%": 1} {
		m, err := Load(repository(t, "-- turbo.json --\n{\"concurrency\": \""+text+"\"}"))
		if err != nil || m.Concurrency.Value != want {
			t.Errorf("%s: %d, %v", text, m.Concurrency.Value, err)
		}
	}
}

func TestGlobal(t *testing.T) {
	m, err := Load(repository(t, `-- turbo.json --
{"globalEnv": ["A", "B_*"], "globalDependencies": [".env"]}`))
	want := []Line{{"globalEnv", "A, B_*", "turbo.json (for cache: on)"}, {"globalDependencies", ".env", "turbo.json (not used: what is read is seen)"}}
	if err != nil || !slices.Equal(m.Explain(true), want) {
		t.Errorf("%v, %q", err, m.Explain(true))
	}
	if want[1].From = "turbo.json (for cache: on)"; !slices.Equal(m.Explain(false), want) {
		t.Errorf("not observed: %q", m.Explain(false))
	}
}

func TestNames(t *testing.T) {
	ws, c := repository(t, `-- turbo.json --
{"tasks": {"build": {"dependsOn": ["codegen"]}, "lint": {"dependsOn": ["^build"]}, "check-types": {}}}`)
	m, err := Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ target, script, want string }{
		{"build", "compile", "codegen"},
		{"lint", "lint:fix", "^build"},
		{"typecheck", "check-types", ""},
		{"typecheck", "tsc", "^build"},
	} {
		if got := strings.Join(m.Task(ws.Packages[0], tt.target, tt.script).DependsOn.Value, " "); got != tt.want {
			t.Errorf("%s of %s: %q, want %q", tt.script, tt.target, got, tt.want)
		}
	}
}

func TestTurboExcludes(t *testing.T) {
	ws, c := repository(t, `-- turbo.json --
{"tasks": {"build": {}}}
-- packages/a/turbo.json --
{"extends": ["//"], "tasks": {"build": {"extends": false}}}
-- packages/b/turbo.json --
{"extends": ["//", "a"], "tasks": {}}
-- packages/c/turbo.json --
{"extends": ["//", "a"], "tasks": {"build": {"cache": false}}}`)
	m, err := Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range ws.Packages {
		if got, want := m.Excludes(pkg, "build"), pkg.Name != "c"; got != want {
			t.Errorf("%s: %v", pkg.Name, got)
		}
	}
}

func TestRootTask(t *testing.T) {
	m, err := Load(repository(t, "-- turbo.json --\n{\"tasks\": {\"//#lint\": {}, \"build\": {}}}"))
	if err != nil || !m.RootTask("lint") || m.RootTask("build") {
		t.Error(err, m.RootTask("lint"), m.RootTask("build"))
	}
}

// FuzzTurbo checks that any text is read or refused in at most three lines.
func FuzzTurbo(f *testing.F) {
	f.Add(`{"tasks": {"build": {"dependsOn": ["^build", "$CI"], "outputs": null}}, // x
 "concurrency": "50%"}`)
	f.Add("\ufeff[")
	f.Add(`{"tasks": {"a": {"extends": false, "with": ["b"]}}, "extends": ["//"]}`)
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(root, "turbo.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := readTurbo(&workspace.Workspace{Root: root, RootPackage: &workspace.Package{Dir: "."}})
		if err != nil && strings.Count(err.Error(), "\n") > 2 {
			t.Errorf("more than three lines: %q", err)
		}
	})
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct {
		text, env, through string
		loose              bool
	}{
		{`{"globalEnv": ["A", "!B"], "globalPassThroughEnv": ["C_*"]}`, "A !B", "C_*", false},
		{`{"envMode": "loose", "tasks": {}}`, "", "", true},
		{`{"envMode": "strict", "pipeline": {}}`, "", "", false},
		{`{"pipeline": {}, "globalEnv": ["A"]}`, "A", "", true},
		{`{"pipeline": {}, "globalPassThroughEnv": []}`, "", "", false},
		{`{"envMode": null, "globalEnv": null}`, "", "", false},
	} {
		m, err := Load(repository(t, "-- turbo.json --\n"+tt.text))
		if err != nil {
			t.Fatal(tt.text, err)
		}
		e := m.Environment()
		if strings.Join(e.Env, " ") != tt.env || strings.Join(e.PassThroughEnv, " ") != tt.through || e.Loose != tt.loose || e.From != "turbo.json" {
			t.Errorf("%s: %+v", tt.text, e)
		}
	}
	m, err := Load(repository(t, "-- package.json --\n{}"))
	if err != nil || m.Environment().From != "" {
		t.Error(m, err)
	}
}

func TestTheModeOfVariablesIsObeyedIfResultsAreKept(t *testing.T) {
	const all = "turbo.json declares the order of tasks"
	for _, tt := range []struct{ mode, cache, want string }{
		{"strict", "", all + "; not obeyed: envMode (without cache: on, tasks get all variables)"},
		{"strict", config.CacheOn, all},
		{"strict", config.CacheRefresh, all},
		{"loose", "", all},
		{"other", config.CacheOn, all + "; not obeyed: envMode"},
	} {
		ws, c := repository(t, `-- turbo.json --
{"envMode": "`+tt.mode+`", "tasks": {}}`)
		c.Cache = tt.cache
		m, err := Load(ws, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(texts(m), "\n"); got != tt.want {
			t.Errorf("%s with cache %q: %s", tt.mode, tt.cache, got)
		}
	}
}
