package pkgmanager

import "testing"

func TestVersions(t *testing.T) {
	for text, want := range map[string]string{
		"9.1.0": "9.1.0", "^9.1.0": "9.1.0", ">=10 <12": "10", "4.0.0-rc.40": "4.0.0-rc.40", "v1.2": "1.2",
		"latest": "", "*": "", "https://example.com/yarn.js": "", "": "",
	} {
		if got := exactVersion(text); got != want {
			t.Errorf("exactVersion(%q) = %q, want %q", text, got, want)
		}
	}
}
