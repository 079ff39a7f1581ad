package npmrange

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// TestCache compares every pair of range and version with what npm's own
// semver (7, loose) answered.
func TestCache(t *testing.T) {
	var table struct {
		Versions    []string
		SatisfiedBy map[string][]string
	}
	text, err := os.ReadFile("testdata/ranges.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Versions)*len(table.SatisfiedBy) < 2000 {
		t.Fatal("the table has shrunk")
	}
	var c Cache
	for text, versions := range table.SatisfiedBy {
		for _, v := range table.Versions {
			if got, want := c.Satisfied(v, text), slices.Contains(versions, v); got != want {
				t.Errorf("version %q in range %q: %v, npm says %v", v, text, got, want)
			}
		}
	}
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2.0.0", "1.9.9", true}, {"1.9.9", "2.0.0", false}, {"1.0.0", "1.0.0", false},
		{"2.0.0", "2.0.0-beta", true}, {"1.0.0", "", true}, {"", "1.0.0", false}, {"", "", false},
	} {
		if got := Newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
