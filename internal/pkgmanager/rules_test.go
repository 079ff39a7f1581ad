package pkgmanager

import (
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

func TestPNPMLinksRangesAsItsSettingsSay(t *testing.T) {
	for _, tt := range []struct {
		claim, lock, npmrc, yaml string
		env                      string
		want                     bool
	}{
		{"pnpm 8 does", "6.0", "", "", "", true},
		{"pnpm 9 does not", "9.0", "", "", "", false},
		{"a comment behind the value is none of it", "9.0", "link-workspace-packages=true ; why", "", "", true},
		{"a quoted key", "9.0", "\"link-workspace-packages\"=deep", "", "", true},
		{"in a section it is no setting", "9.0", "[x]\nlink-workspace-packages=true", "", "", false},
		{"a variable goes before the file", "9.0", "link-workspace-packages=true", "", "false", false},
		{"pnpm-workspace.yaml goes before both", "9.0", "link-workspace-packages=true", "linkWorkspacePackages: false\n", "true", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			t.Setenv("npm_config_link_workspace_packages", tt.env)
			dir := t.TempDir()
			testkit.Write(t, dir, "pnpm-lock.yaml", "lockfileVersion: '"+tt.lock+"'\n")
			testkit.Write(t, dir, ".npmrc", tt.npmrc)
			testkit.Write(t, dir, PNPMFile, "packages: []\n"+tt.yaml)
			m, err := Detect(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.LinksRanges(); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
