package plan

import (
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/selection"
	"github.com/heapmage/heapmage/internal/workspace"
)

func TestLabels(t *testing.T) {
	for _, tt := range []struct{ claim, packages, want string }{
		{"are names without a scope", "@acme/core:p/core @acme/web:p/site cli:cli", "core web cli"},
		{"are whole if a scope is all that differs", "@acme/web:a/web @other/web:b/web", "@acme/web @other/web"},
		{"are folders' names if those differ", "@acme/web:apps/shop @other/web:apps/blog", "shop blog"},
		{"do without a prefix that others have", "@acme/acme-core:p/core @acme/acme-cli:p/cli web:web", "core cli web"},
		{"keep a prefix that no other has", "eslint-config:p/config core:p/core", "eslint-config core"},
		{"keep a prefix without which they would mean another", "acme-core:p/core acme-cli:p/cli core:lib/c", "acme-core cli core"},
		{"keep what is no prefix", "score:p/core more:p/ore", "score more"},
		{"call a root without a name so", ".:. a:a", "root a"},
		{"leave the name root to a package", ".:. root:p/root", ". root"},
		{"let a root's name mean the member", "tool (.):. tool:p/tool", "tool (.) tool"},
		{"differ in upper and lower case", "Lib:p/a lib:p/b", "Lib lib"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var packages []*workspace.Package
			ws := &workspace.Workspace{}
			for text := range strings.FieldsSeq(strings.ReplaceAll(tt.packages, " (", "_(")) {
				name, dir, _ := strings.Cut(strings.ReplaceAll(text, "_(", " ("), ":")
				packages = append(packages, &workspace.Package{Name: name, DeclaredName: strings.TrimSuffix(name, " (.)"), Dir: dir})
			}
			ws.Packages = packages
			if packages[0].Dir == "." {
				ws.RootPackage = packages[0]
			}
			labels := Labels(packages)
			var got []string
			for _, p := range packages {
				label := labels[p.Name]
				got = append(got, label)
				if found, err := (selection.Space{Workspace: ws}).Select("-workspace", label); p.Dir != "." && (err != nil || len(found.Packages) != 1 || found.Packages[0] != p) {
					t.Errorf("-workspace=%s does not mean %s: %v", label, p.Name, err)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
