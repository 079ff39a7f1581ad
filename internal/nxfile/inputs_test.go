package nxfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/workspace"
)

func TestInputs(t *testing.T) {
	for _, tt := range []struct{ claim, named, pkg, inputs, want string }{
		{"globs", `{}`, ``, `["{projectRoot}/src/**", "!{workspaceRoot}/x"]`, `[{projectRoot}/src/** !{workspaceRoot}/x] [] []`},
		{"a name, and names in it", `{"production": ["default", "shared", "!{projectRoot}/**/*.spec.ts"], "shared": ["{workspaceRoot}/tsconfig.base.json"]}`, ``,
			`["production", "^production"]`, `[{projectRoot}/**/* {workspaceRoot}/tsconfig.base.json !{projectRoot}/**/*.spec.ts] [] []`},
		{"a name that the project has too", `{"default": ["{projectRoot}/a"]}`, `{"namedInputs": {"default": ["{projectRoot}/b"]}}`, `["default"]`, `[{projectRoot}/b] [] []`},
		{"a name in itself", `{"a": ["b"], "b": ["a", "{projectRoot}/b"]}`, ``, `["a"]`, `[{projectRoot}/b] [] [a]`},
		{"variables", `{}`, ``, `[{"env": "A"}, {"env": "B"}]`, `[] [A B] []`},
		{"what heapmage sees to", `{}`, ``, `[{"externalDependencies": ["x"]}, {"dependentTasksOutputFiles": "**/*.d.ts", "transitive": true}, {"input": "default", "dependencies": true}, {"input": "default", "projects": "dependencies"}]`, `[] [] []`},
		{"objects in place of texts", `{}`, ``, `[{"fileset": "{projectRoot}/a"}, {"input": "default", "projects": "self"}, {"json": "{workspaceRoot}/package.json", "fields": ["x"]}]`,
			`[{projectRoot}/a {projectRoot}/**/* {workspaceRoot}/package.json] [] []`},
		{"what is not understood", `{}`, ``, `["src/**", "gone", {"runtime": "node -v"}, {"input": "default", "projects": ["b"]}, "{workspaceRoot}/libs/{projectName}/x"]`,
			`[] [] [src/** gone {"runtime": "node -v"} {"input": "default", "projects": ["b"]} {workspaceRoot}/libs/{projectName}/x]`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			dir := t.TempDir()
			testkit.Write(t, dir, "nx.json", `{"namedInputs": `+tt.named+`, "targetDefaults": {"build": {"inputs": `+tt.inputs+`}}}`)
			if tt.pkg != "" {
				testkit.Write(t, dir, "project.json", tt.pkg)
			}
			root, err := ReadRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			p, err := ReadProject(dir, &workspace.Package{Dir: "."})
			if err != nil {
				t.Fatal(err)
			}
			if p == nil {
				p = newProject()
			}
			in := root.Inputs(p, root.Defaults["build"].Inputs)
			if got := strings.TrimSpace(fmt.Sprintln(in.Globs, in.Env, in.Unknown)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if len(root.Other) > 0 {
				t.Errorf("not obeyed: %q", root.Other)
			}
		})
	}
}
