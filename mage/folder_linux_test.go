package mage_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestFolder starts heapmage in each of the ways in which a user may be in a package's folder.
// docs/selection.md tells which of them let heapmage know it.
func TestFolder(t *testing.T) {
	testkit.NeedsNode(t)
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"package.json":            `{"name": "top", "workspaces": ["packages/*"], "scripts": {"plan": "heapmage plan"}}`,
		"packages/a/package.json": `{"name": "a", "scripts": {"build": "true", "plan": "heapmage plan"}}`,
		"packages/a/src/index.js": "",
		"packages/b/package.json": `{"name": "b", "scripts": {"build": "true"}}`,
		"node_modules/.bin/keep":  "",
	} {
		testkit.Write(t, root, name, text)
	}
	if err := os.Symlink(binary, filepath.Join(root, "node_modules/.bin/heapmage")); err != nil {
		t.Fatal(err)
	}
	inside, cache := filepath.Join(root, "packages/a/src"), t.TempDir()
	const a, all = "Only a, in whose folder this is", "Plan of build: 2 tasks"
	for _, tt := range []struct{ claim, dir, command, want string }{
		{"the binary knows it", inside, binary + " plan", a},
		{"the binary means all in the root", root, binary + " plan", all},
		{"npx knows the package", inside, "npx --no-install heapmage plan", a},
		{"npm exec knows the package", inside, "npm exec --no -- heapmage plan", a},
		{"a script of the package knows it", inside, "npm run plan", a},
		{"a script of the root means all, though it was started in a package", inside, "npm run plan --prefix " + root, all},
		{"Mage's -w tells it", repository, "go tool mage -w " + inside + " plan", a},
		{"Mage's -w tells it beside -d", filepath.Join(repository, "mage"), "go tool mage -d .. -w " + inside + " plan", a},
		{"Mage's -d hides it", filepath.Join(repository, "examples"), "go tool mage -d .. plan", "Plan of build"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			words := strings.Fields(tt.command)
			c := exec.CommandContext(t.Context(), words[0], words[1:]...)
			c.Dir = tt.dir
			c.Env = append(os.Environ(), "NO_COLOR=1", "PWD="+tt.dir, "MAGEFILE_CACHE="+cache)
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) || tt.want != a && strings.Contains(string(out), "Only ") {
				t.Errorf("%v\n%s\nwant %s", err, out, tt.want)
			}
		})
	}
}
