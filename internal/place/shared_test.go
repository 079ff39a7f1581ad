package place

import (
	"slices"
	"testing"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
)

func TestThePasswordOfACredentialIsASecretByItself(t *testing.T) {
	c := &config.Config{Cache: config.CacheOn}
	c.Shared.Remote = "file:shared"
	for value, want := range map[string][]string{
		"acme:open-sesame": {"acme:open-sesame", "open-sesame"},
		"acme:short":       {"acme:short"},
		"open-sesame":      {"open-sesame"},
	} {
		s, err := openShared(c, t.TempDir(), []string{environ.CacheToken + "=" + value})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Secrets, want) {
			t.Errorf("%s: %q", value, s.Secrets)
		}
	}
}
