package declared

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestNxScripts runs what targets of nx:run-commands become, with the argument "more".
// NX is the path of a nx program, whose output is compared.
func TestNxScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no shell for it on Windows")
	}
	for _, tt := range []struct{ claim, target, want string }{
		{"a command runs in the root, with what the command line adds", `{"command": "echo one; pwd; echo"}`, "one\nROOT\nmore"},
		{"or in another folder, with variables", `{"executor": "nx:run-commands", "options": {"command": "pwd; echo \"$A\" $B", "cwd": "packages/a", "env": {"A": "x  y", "B": "it's"}}}`, "ROOT/packages/a\nx  y it's more"},
		{"names of the project are filled in", `{"options": {"cwd": "{projectRoot}", "command": ["pwd;", "echo {projectName}"]}, "executor": "nx:run-commands"}`, "ROOT/packages/a\na more"},
		{"one after the other", `{"executor": "nx:run-commands", "options": {"commands": ["echo 1; cd packages; echo", {"command": "pwd; echo 2", "forwardAllArgs": false}], "parallel": false}}`, "1\nmore\nROOT\n2"},
		{"one that fails ends it", `{"executor": "nx:run-commands", "options": {"commands": ["exit 3; echo", "echo never"], "parallel": false}}`, "exit"},
		{"at once", `{"executor": "nx:run-commands", "options": {"commands": ["sleep 0.3; echo slow", "echo fast"]}}`, "fast more\nslow more"},
		{"at once, one fails", `{"executor": "nx:run-commands", "options": {"commands": ["true", "exit 4; echo"]}}`, "exit"},
		{"other options are arguments, but what forwardAllArgs keeps back", `{"executor": "nx:run-commands", "options": {"command": "echo", "n": 2, "name": "a b", "args": "--x=y z"}}`, "--n=2 --name=a b --x=y z more"},
		{"forwardAllArgs keeps all back", `{"executor": "nx:run-commands", "options": {"command": "echo only", "name": "a", "forwardAllArgs": false}}`, "only"},
		{"arguments by name", `{"executor": "nx:run-commands", "options": {"command": "echo {args.name}-{args.x}-{args.gone}-", "name": "a", "args": "--x=y", "forwardAllArgs": false}}`, "a-y--"},
		{"the default configuration", `{"executor": "nx:run-commands", "options": {"command": "echo", "m": "dev"}, "configurations": {"prod": {"m": "prod"}}, "defaultConfiguration": "prod"}`, "--m=prod more"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			ws, c := repository(t, "-- nx.json --\n{}\n-- package-lock.json --\n{\"lockfileVersion\": 3, \"packages\": {}}\n-- packages/a/project.json --\n{\"name\": \"a\", // a comment\n \"targets\": {\"say\": "+tt.target+"}}\n")
			m, err := Load(ws, c)
			if err != nil {
				t.Fatal(err)
			}
			a := ws.Packages[0]
			if runs, ok := a.Declared("say"); !ok || runs != "" {
				t.Fatalf("no script: %s", texts(m))
			}
			check := func(cmd *exec.Cmd) string {
				out, err := cmd.Output()
				text := strings.TrimSpace(strings.ReplaceAll(string(out), ws.Root, "ROOT"))
				if err != nil {
					text = "exit"
				}
				return text
			}
			cmd := exec.Command("sh", "-c", a.Scripts["say"]+" more")
			cmd.Dir = a.Path
			if got := check(cmd); got != tt.want {
				t.Errorf("%s\nprints %q, want %q", a.Scripts["say"], got, tt.want)
			}
			nx := os.Getenv("NX")
			if nx == "" {
				t.Log("NX is not set: it is the path of a nx program to compare with")
				return
			}
			if err := os.Symlink(filepath.Dir(filepath.Dir(nx)), filepath.Join(ws.Root, "node_modules")); err != nil {
				t.Fatal(err)
			}
			cmd = exec.Command(nx, "run", "a:say", "more")
			cmd.Dir = ws.Root
			cmd.Env = append(os.Environ(), "NX_DAEMON=false", "NX_NO_CLOUD=true", "NX_TUI=false", "CI=1")
			got := check(cmd)
			rest, ok := got, got != "exit"
			for line := range strings.SplitSeq(tt.want, "\n") { // nx prints more between them
				_, after, found := strings.Cut(rest+"\n", line+"\n")
				rest, ok = after, ok && found
			}
			if got != tt.want && !ok {
				t.Errorf("nx prints %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNxExecutors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("commands are not run on Windows")
	}
	ws, c := repository(t, `-- nx.json --
{"targetDefaults": {"pack": {"executor": "nx:run-commands", "options": {"command": "echo pack"}}}}
-- packages/a/project.json --
{"targets": {"pack": {}, "types": {"executor": "nx:run-script", "options": {"script": "check-types"}}, "build": {"executor": "nx:run-script"},
 "lost": {"executor": "nx:run-script", "options": {"script": "gone"}}, "wait": {"command": "x", "options": {"readyWhen": "up"}},
 "dev": {"command": "x", "continuous": true}, "e2e": {"command": "x", "dependsOn": ["dev", "build"]},
 "list": {"executor": "nx:run-commands", "options": {"commands": [1]}}, "env": {"command": "x", "options": {"env": {"A=B": "c"}}}}}
-- packages/b/package.json --
{"name": "b", "version": "1.0.0", "scripts": {"build": "x", "codegen": "x"}, "nx": {"includedScripts": ["codegen"]}}
`)
	m, err := Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	a, b := ws.Packages[0], ws.Packages[1]
	for name, want := range map[string]string{"pack": "echo pack", "types": "x", "build": "x", "dev": "x"} {
		if name == "pack" || name == "dev" {
			want = "cd ../.. && " + want
		}
		if a.Scripts[name] != want {
			t.Errorf("%s is %q, want %q", name, a.Scripts[name], want)
		}
	}
	if runs, ok := a.Declared("types"); !ok || runs != "check-types" {
		t.Errorf("types runs %q, %v", runs, ok)
	}
	if !m.Excludes(b, "build") || m.Excludes(b, "codegen") || m.Excludes(a, "build") {
		t.Error("includedScripts are not obeyed")
	}
	if got := told(t, m, ws, "a#e2e"); got != "dependsOn: build (packages/a/project.json)" {
		t.Errorf("e2e: %s", got)
	}
	want := `nx.json declares the order of tasks; run by an executor, not by heapmage: a#env (nx:run-commands with a variable that no shell can set), a#list (nx:run-commands with commands that are no texts), a#lost (nx:run-script of "gone", which is no script), a#wait (nx:run-commands with readyWhen)`
	if got := strings.Join(texts(m), "\n"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A target that an executor runs is named with the script that would have it run, until there
// is one.
func TestWhatToDoAboutATargetOfAnExecutor(t *testing.T) {
	const project = "-- packages/a/project.json --\n" + `{"name": "shop", "targets": {"pack": {"executor": "@nx/js:tsc"}}}`
	for script, want := range map[string]string{
		"":                 `to run such a target too, give its package a script that does: "pack": "nx run shop:pack"`,
		"tsc":              `to run such a target too, give its package a script that does: "pack": "nx run shop:pack"`,
		"nx run shop:pack": "",
	} {
		ws, c := repository(t, "-- nx.json --\n{}\n"+project+"\n-- packages/a/package.json --\n"+`{"name": "a", "version": "1.0.0", "scripts": {"pack": "`+script+`"}}`)
		m, err := Load(ws, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Summaries()[0]; got.Hint != want || strings.Contains(got.Text, "a#pack") == (want == "") {
			t.Errorf("%q: %+v", script, got)
		}
	}
}
