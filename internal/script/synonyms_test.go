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
