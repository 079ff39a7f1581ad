package nearest

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	packages := []string{"@acme/core", "@acme/cli", "@acme/web", "core", "server"}
	for _, tt := range []struct {
		claim, name string
		want        []string
	}{
		{"a swap of two letters is one edit", "croe", []string{"core"}},
		{"letter case does not matter", "SERVER", []string{"server"}},
		{"a part of a longer name is near, after a near miss", "core", []string{"core", "@acme/core"}},
		{"what is far from all finds nothing", "zzzzzz", nil},
		{"short parts find nothing", "c", nil},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Names(tt.name, packages, 3); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("zzz", []string{"a", "b"}, "known keys"), "known keys: a, b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
