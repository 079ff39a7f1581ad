package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSpellingsOfThePathOfAWorkspace(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root, link := filepath.Join(dir, "a b"), filepath.Join(dir, "link")
	if err := os.MkdirAll(filepath.Join(root, "packages", "web"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, link); err != nil {
		t.Skip("there are no links: ", err)
	}
	escaped := filepath.ToSlash(filepath.Join(dir, "a%20b"))
	for _, tt := range []struct {
		claim, pwd string
		want       []string
	}{
		{"the folder itself", root, []string{root, escaped}},
		{"a link", link, []string{root, escaped, link}},
		{"a folder below a link", filepath.Join(link, "packages", "web"), []string{root, escaped, link}},
		{"elsewhere", t.TempDir(), []string{root, escaped}},
		{"nowhere", "", []string{root, escaped}},
	} {
		if slices.Contains(tt.want, link) {
			tt.want = append(tt.want, filepath.ToSlash(link))
		}
		slices.Sort(tt.want)
		if got := spellings(root, tt.pwd); !slices.Equal(got, slices.Compact(tt.want)) {
			t.Errorf("%s: %q", tt.claim, got)
		}
	}
}
