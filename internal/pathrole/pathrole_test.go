package pathrole

import "testing"

func TestTellsVersion(t *testing.T) {
	for file, want := range map[string]bool{
		"/usr/lib/node_modules/typescript/package.json":              true,
		"/usr/lib/node_modules/npm/node_modules/abbrev/package.json": false, // npm's own tells enough
		"/usr/lib/node_modules/typescript/lib/tsc.js":                false,
		"/usr/share/x/package.json":                                  false,
	} {
		if got := TellsVersion(file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}
