package script

import (
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

func TestIsTest(t *testing.T) {
	for name, want := range map[string]bool{
		"test": true, "tests": true, "test:unit": true, "quality:test": true, "e2e": true, "test-ci": true,
		"build": false, "typecheck": false, "lint": false, "latest": false, "attest": false, "": false,
	} {
		if got := IsTest(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestFind(t *testing.T) {
	pkg := &workspace.Package{Scripts: map[string]string{"check-types": "", "types": "", "fix": "", "generate": ""}}
	for target, want := range map[string]string{"typecheck": "check-types", LintFix: "fix", "generate": "generate", "build": "", "test": ""} {
		if got, ok := Find(pkg, target); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v", target, got, ok)
		}
	}
}

func TestChecks(t *testing.T) {
	for name, want := range map[string]bool{
		"test:unit": true, "lint:fix": true, "eslint": true, "type-check": true, "format": true, "jest": true,
		"build": false, "build:test": false, "codegen": false, "generate": false, "clean": false, "copy-assets": false, "": false,
	} {
		if got := Checks(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestSynonymsWhoseTextDisagrees(t *testing.T) {
	for _, tt := range []struct {
		claim, target string
		scripts       map[string]string
		want          string
	}{
		{"a build that only deletes", "build", map[string]string{"build:clean": "rm -rf dist"}, ""},
		{"through another script", "build", map[string]string{"build:clean": "npm run wipe", "wipe": "rimraf dist"}, ""},
		{"but one that builds after it", "build", map[string]string{"build:clean": "rm -rf dist && tsc"}, "build:clean"},
		{"the next name counts", "typecheck", map[string]string{"types": "rimraf types", "tsc": "tsc"}, "tsc"},
		{"the target's own name is what it is", "build", map[string]string{"build": "rm -rf dist"}, "build"},
		{"a clean that builds", "clean", map[string]string{"clean:build": "rm -rf dist && npm run build", "build": "tsc"}, ""},
		{"a clean that calls a program of the package", "clean", map[string]string{"clean:dist": "node clean.js"}, "clean:dist"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got, _ := Find(&workspace.Package{Scripts: tt.scripts}, tt.target); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
