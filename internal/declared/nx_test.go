package declared

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/problem"
)

func TestNx(t *testing.T) {
	for _, tt := range []struct{ claim, files, task, want string }{
		{"targetDefaults", `-- nx.json --
{"targetDefaults": {"build": {"dependsOn": ["^build", "codegen"], "outputs": ["{projectRoot}/dist"], "inputs": ["production", {"env": "A"}], "cache": true}}}`,
			"a#build", `dependsOn: ^build, codegen (nx.json); outputs: dist, dist/** (nx.json); inputs: production, {"env": "A"} (nx.json); env: A (nx.json); cache: true (nx.json)`},
		{"without an order, heapmage's holds", `-- nx.json --
{"targetDefaults": {"build": {"cache": true}}}`, "a#build", "dependsOn: ^build (heapmage's default); cache: true (nx.json)"},
		{"entries in more words", `-- nx.json --
{"targetDefaults": {"build": {"dependsOn": [{"target": "build", "dependencies": true}, {"target": "codegen", "projects": "self"}, {"target": "build", "projects": ["b", "dependencies"]}, {"target": "serve"}, "gone", {"target": "gone", "projects": "b"}]}}}`,
			"a#build", "dependsOn: ^build, codegen, b#build, ^build, serve (nx.json)"},
		{"package.json wins", `-- nx.json --
{"targetDefaults": {"build": {"dependsOn": ["^build"], "cache": true}}}
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "scripts": {"build": "x"}, "nx": {"targets": {"build": {"dependsOn": ["b:codegen"]}}}}`,
			"a#build", "dependsOn: b#codegen (packages/a/package.json); cache: true (nx.json)"},
		{"and project.json over it, by the names that projects have", `-- nx.json --
{}
-- packages/b/project.json --
{"name": "bee"}
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "scripts": {"build": "x"}, "nx": {"targets": {"build": {"dependsOn": ["^build"]}}}}
-- packages/a/project.json --
{"targets": {"build": {"dependsOn": ["...", "bee:build"]}}}`, "a#build", "dependsOn: ^build, b#build (packages/a/package.json, packages/a/project.json)"},
		{"a colon may be a part of a script's name", `-- nx.json --
{"targetDefaults": {"build": {"dependsOn": ["b:types"]}}}
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "scripts": {"build": "x", "b:types": "x"}}`, "a#build", "dependsOn: b:types (nx.json)"},
		{"a package without the target passes on only what comes from others", `-- nx.json --
{"targetDefaults": {"test": {"dependsOn": ["^test", "codegen"]}}}`, "c#test", "dependsOn: ^test (nx.json)"},
		{"defaults of an executor", `-- nx.json --
{"targetDefaults": {"build": {"dependsOn": []}, "@nx/js:tsc": {"dependsOn": ["^build"]}}}
-- packages/c/project.json --
{"targets": {"build": {"executor": "@nx/js:tsc"}}}`, "c#build", "dependsOn: ^build (nx.json)"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			m, ws := tells(t, tt.files, tt.task, tt.want)
			if again := told(t, m, ws, tt.task); again != tt.want {
				t.Errorf("asked again: %s", again)
			}
		})
	}
}

func TestNxDependencies(t *testing.T) {
	for files, want := range map[string]string{
		`{"implicitDependencies": ["c", "gone"]}`: "b c",
		`{"implicitDependencies": ["*", "!c"]}`:   "b",
		`{"implicitDependencies": ["!b"]}`:        "",
		`{"implicitDependencies": ["a"]}`:         "b",
	} {
		ws, c := repository(t, `-- nx.json --
{}
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "dependencies": {"b": "1.0.0"}, "nx": `+files+`}`)
		if _, err := Load(ws, c); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range ws.Packages[0].Dependencies {
			got = append(got, d.To.Name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", files, got, want)
		}
	}
}

func TestOtherSummaries(t *testing.T) {
	for _, tt := range []struct{ claim, files, want string }{
		{"what Nx would do and we do not", `-- nx.json --
{"$schema": "x", "namedInputs": {"default": []}, "plugins": ["@nx/vite"], "targetDependencies": {}, "parallel": 3}
-- packages/a/project.json --
{"targets": {"pack": {"executor": "@nx/js:tsc"}, "build": {"executor": "nx:run-script"}, "say": {"command": "echo", "options": {"envFile": ".env.a"}}}}`,
			"nx.json declares the order of tasks; not obeyed: plugins (the targets that they infer are not seen), targetDependencies; run by an executor, not by heapmage: a#pack (@nx/js:tsc), a#say (nx:run-commands with envFile)"},
		{"Nx without inferred targets", `-- nx.json --
{"useInferencePlugins": false}`, "nx.json declares the order of tasks"},
		{"Nx with them", `-- nx.json --
{"useInferencePlugins": true}`, "nx.json declares the order of tasks; not obeyed: useInferencePlugins"},
		{"inputs that are not understood, each once", `-- heapmage.yaml --
cache: on
observe: off
-- nx.json --
{"targetDefaults": {"build": {"inputs": ["default", "own", "gone", {"runtime": "x"}]}, "test": {"inputs": ["gone"]}}}
-- packages/a/project.json --
{"namedInputs": {"own": ["src/a"]}, "targets": {"build": {"inputs": ["own"]}}}`,
			`nx.json declares the order of tasks; inputs that are not understood, so that all files of a package count: gone, src/a, {"runtime": "x"}`},
		{"and not where tasks are observed", `-- heapmage.yaml --
cache: on
-- nx.json --
{"targetDefaults": {"build": {"inputs": ["gone"]}}}`, map[bool]string{true: "nx.json declares the order of tasks",
			false: "nx.json declares the order of tasks; inputs that are not understood, so that all files of a package count: gone"}[runtime.GOOS == "linux"]},
		{"pnpm's tasks", `-- pnpm-workspace.yaml --
packages: [packages/*]
tasks: {build: {dependsOn: [^build], concurrency: 2}}`, "pnpm-workspace.yaml declares the order of tasks; not obeyed: concurrency"},
		{"files of others", "-- lage.config.js --\nmodule.exports = f()\n-- .moon/workspace.yml --\n", "Not read, though other runners obey it: lage.config.js (it is a program), .moon"},
		{"several files of turbo that scripts of the root name", `-- package.json --
{"name": "top", "private": true, "workspaces": ["packages/*"], "scripts": {"build": "turbo --root-turbo-json b.json build", "test": "turbo --root-turbo-json a.json test"}}
-- a.json --
{}
-- b.json --
{}`, "Not read, though other runners obey it: a.json, b.json"},
		{"one outside of the workspace", `-- package.json --
{"name": "top", "private": true, "workspaces": ["packages/*"], "scripts": {"build": "turbo --root-turbo-json ../t.json build"}}`,
			"Not read, though other runners obey it: ../t.json"},
		{"a pnpm that has none", `-- pnpm-workspace.yaml --
packages: [packages/*]
tasks: {build: {dependsOn: [^build]}}
-- package.json --
{"name": "top", "packageManager": "pnpm@10.0.0"}`, ""},
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

func TestPNPMTasks(t *testing.T) {
	ws, c := repository(t, `-- pnpm-workspace.yaml --
packages: [packages/*]
tasks:
  build: {dependsOn: [codegen, ^build], outputs: [dist/**], cache: false}
  codegen:`)
	m, err := Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	for task, want := range map[string]string{
		"a#build":   "dependsOn: codegen, ^build (pnpm-workspace.yaml); outputs: dist/** (pnpm-workspace.yaml); cache: false (pnpm-workspace.yaml)",
		"a#codegen": "dependsOn: nothing (pnpm-workspace.yaml)",
		"a#test":    "dependsOn: ^build (heapmage's default)",
		"a#docs":    "dependsOn: ^docs (pnpm-workspace.yaml)",
	} {
		if got := told(t, m, ws, task); got != want {
			t.Errorf("%s: got  %s\nwant %s", task, got, want)
		}
	}
}

func TestOtherErrors(t *testing.T) {
	for _, tt := range []struct{ claim, files, want string }{
		{"Nx: a list of something else", "-- nx.json --\n{\"targetDefaults\": {\n\"build\": {\"dependsOn\": [1]}}}", "nx.json:2: targetDefaults.build.dependsOn holds something that is neither a string nor an object"},
		{"Nx: a text instead of a list", "-- nx.json --\n{}\n-- packages/a/project.json --\n{\"implicitDependencies\": \"b\"}", "packages/a/project.json:1: implicitDependencies is not a list"},
		{"Nx: targets that are a list", "-- nx.json --\n{}\n-- packages/a/project.json --\n{\"targets\": []}", "packages/a/project.json:1: targets is not an object"},
		{"UTF-16", "-- nx.json --\n\xff\xfe{\x00}\x00", "nx.json: is in UTF-16"},
		{"pnpm: a text instead of a list", "-- pnpm-workspace.yaml --\npackages: [packages/*]\ntasks:\n  build: {dependsOn: x}", "pnpm-workspace.yaml:3: tasks.build.dependsOn is not a list of strings"},
		{"pnpm: a list instead of an object", "-- pnpm-workspace.yaml --\npackages: [packages/*]\ntasks: [build]", "pnpm-workspace.yaml:2: tasks is not an object of objects"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, err := Load(repository(t, tt.files))
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || !strings.HasPrefix(err.Error(), tt.want) || p.Hint == "" {
				t.Errorf("got %q, want %q", err, tt.want)
			}
		})
	}
}
