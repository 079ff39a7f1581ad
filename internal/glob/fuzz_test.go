package glob

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRules holds the two ways to ask against each other: walking the folders
// and matching a path.
func FuzzRules(f *testing.F) {
	for _, seed := range []string{"packages/*", "**", "a/**/c", "{a,b/*}", "!a/b", "a/!(b|c)", "./a/", "[", ".x/*", "a/.h/*", "../a", "*/{b,c}/**", "a/**/**/c"} {
		f.Add(seed, "!**/c")
	}
	root := f.TempDir()
	all := []string{"a", "a/b", "a/b/c", "a/c", "a/.h", "a/.h/c", "b", "b/c", ".x", ".x/a", "a/node_modules", "a/node_modules/c", "packages/a"}
	for _, dir := range all {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, second string) {
		if strings.ContainsAny(pattern+second, "\x00\\") || len(pattern)+len(second) > 200 {
			return
		}
		for _, negation := range []Negation{FromAll, FromWildcards, FromEarlier, UntilOverridden, FromNone} {
			for _, rule := range Compile([]string{pattern, second}, negation) {
				walked := map[string]bool{}
				for _, dir := range NewFinder(root, Followed).Folders(rule) {
					walked[dir] = true
					if inNodeModules(dir) {
						t.Fatalf("%q goes into node_modules: %s", rule.Text, dir)
					}
				}
				for _, dir := range all {
					if walked[dir] != rule.Contains(dir) {
						t.Fatalf("%q and %s: walking says %v, matching %v", rule.Text, dir, walked[dir], rule.Contains(dir))
					}
				}
			}
		}
	})
}
