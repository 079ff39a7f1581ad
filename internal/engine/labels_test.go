package engine

import (
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

func TestLabels(t *testing.T) {
	named := func(names ...string) (packages []*workspace.Package) {
		for _, n := range names {
			packages = append(packages, &workspace.Package{Name: n})
		}
		return packages
	}
	got := labels(named("@acme/core", "@acme/web", "@other/web", "cli"))
	for name, want := range map[string]string{"@acme/core": "core", "@acme/web": "@acme/web", "@other/web": "@other/web", "cli": "cli"} {
		if got[name] != want {
			t.Errorf("%s is called %q, want %q", name, got[name], want)
		}
	}
}
