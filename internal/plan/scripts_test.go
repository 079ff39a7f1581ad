package plan

import "testing"

func TestRuns(t *testing.T) {
	in := tree(t, `"build": "turbo build", "release": "x"`, map[string]string{
		"core": `"build": "npm run step && tsc", "prebuild": "a", "step": "b", "generate": "c", "dev": "d", "unit:fast": "e", "lint": "f", "lint:fix": "g", "fix": "h", "bundle": "i"`,
	}, "tasks: {build: {dependsOn: [^build, generate]}, test: {script: \"unit:fast\"}}")
	runs := Runs(in)
	core, root := in.Workspace.Named("core"), in.Workspace.RootPackage
	for name, want := range map[string]bool{
		"build": true, "prebuild": true, "step": true, "generate": true, "dev": false, "unit:fast": true, "lint": true, "lint:fix": true, "fix": false, "bundle": true, "none": false,
	} {
		if got := runs(core, name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !runs(root, "build") || runs(root, "release") {
		t.Error("the root's scripts")
	}
}
