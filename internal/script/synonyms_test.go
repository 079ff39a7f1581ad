package script

import "testing"

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
