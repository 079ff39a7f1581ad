package declared

import (
	"slices"
	"strings"
	"testing"
)

func TestWireit(t *testing.T) {
	const files = `-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "scripts": {"build": "wireit", "codegen": "wireit", "plain": "x", "odd": "x"},
 "wireit": {"build": {"command": "tsc", "dependencies": ["codegen", "../b:build", {"script": "../c:build", "cascade": false}, "../c:serve", "../gone:build"], "files": ["src/**"], "output": ["dist/**"], "env": {"MODE": {"external": true}}},
  "codegen": {"command": "gen", "dependencies": ["../b:plain"], "files": []}, "odd": 1}}
-- packages/b/package.json --
{"name": "b", "version": "1.0.0", "scripts": {"build": "../../node_modules/.bin/wireit", "plain": "x"}, "wireit": {"build": {"command": "tsc", "files": ["src/**"]}}}
-- packages/c/package.json --
{"name": "c", "version": "1.0.0", "scripts": {"build": "wireit", "serve": "wireit", "all": "wireit"},
 "wireit": {"build": {"command": "tsc", "dependencies": ["../b:build"]}, "serve": {"command": "serve", "service": true}, "all": {"dependencies": ["../b:build"]}}}
`
	ws, c := repository(t, files)
	m, err := Load(ws, c)
	if err != nil {
		t.Fatal(err)
	}
	for task, want := range map[string]struct{ told, reruns string }{
		"a#build": {"dependsOn: b#build (packages/a/package.json); outputs: dist/** (packages/a/package.json); inputs: src/** (packages/a/package.json); env: MODE (packages/a/package.json)", "a#codegen c#build b#plain"},
		"b#build": {"dependsOn: nothing (packages/b/package.json); inputs: src/** (packages/b/package.json)", ""},
		"c#all":   {"dependsOn: b#build (packages/c/package.json)", ""},
		"c#serve": {"dependsOn: nothing (packages/c/package.json); persistent: true (packages/c/package.json)", ""},
		"a#plain": {"", ""},
	} {
		if got := told(t, m, ws, task); got != want.told {
			t.Errorf("%s: got  %s\nwant %s", task, got, want.told)
		}
		name, target, _ := strings.Cut(task, "#")
		for _, pkg := range ws.Packages {
			if pkg.Name == name && strings.Join(m.Task(pkg, target).Reruns, " ") != want.reruns {
				t.Errorf("%s runs %q", task, m.Task(pkg, target).Reruns)
			}
		}
	}
	want := `wireit in package.json of 3 packages declares the order of tasks; run with each script that needs them, because wireit is not told all their files: b#plain, c#build; no script of this workspace: a#../gone:build`
	if got := texts(m); !slices.Equal(got, []string{want}) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
