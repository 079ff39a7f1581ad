package mage_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestInitBuilds: what init writes into a real npm workspace builds it, by the commands that init
// names. heapmage is not published, so each way is told where this repository's is.
func TestInitBuilds(t *testing.T) {
	testkit.NeedsNode(t)
	if _, err := exec.LookPath("npm"); err != nil {
		testkit.UnlessCI(t, "there is no npm")
	}
	source, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		way     string
		connect func(t *testing.T, root string)
		build   []string
	}{
		{"go", func(t *testing.T, root string) {
			sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
			if err != nil {
				t.Fatal(err)
			}
			testkit.Write(t, root, "go.sum", string(sums))
			in(t, root, "go", "mod", "edit", "-require=github.com/heapmage/heapmage@v0.0.0", "-replace=github.com/heapmage/heapmage="+source)
			tidy := exec.CommandContext(t.Context(), "go", "mod", "tidy")
			tidy.Dir = root
			if out, err := tidy.CombinedOutput(); err != nil {
				testkit.UnlessCI(t, "go mod tidy, which needs a module proxy, fails: "+string(out))
			}
		}, []string{"go", "tool", "mage", "build:managed"}},
		{"npm", func(t *testing.T, root string) {
			if err := os.MkdirAll(filepath.Join(root, "node_modules", ".bin"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(binary, filepath.Join(root, "node_modules", ".bin", "heapmage")); err != nil {
				t.Fatal(err)
			}
		}, []string{"npm", "run", "build:managed"}},
	} {
		t.Run(tt.way, func(t *testing.T) {
			root := t.TempDir()
			testkit.Write(t, root, "package.json", `{"private": true, "workspaces": ["packages/*"], "scripts": {"build": "npm run build --workspaces"}}`)
			testkit.Write(t, root, "packages/core/package.json", `{"name": "core", "version": "1.0.0", "scripts": {"build": "node -e \"require('fs').writeFileSync('out.txt', 'core')\""}}`)
			testkit.Write(t, root, "packages/web/package.json", `{"name": "web", "version": "1.0.0", "dependencies": {"core": "^1.0.0"}, "scripts": {"build": "node -e \"require('fs').copyFileSync(require.resolve('core/out.txt'), 'out.txt')\""}}`)
			in(t, root, "npm", "install", "--offline", "--no-audit", "--no-fund")

			in(t, root, packaged(t), "init", "-with="+tt.way)
			tt.connect(t, root)
			out := in(t, root, tt.build[0], tt.build[1:]...)
			if text, err := os.ReadFile(filepath.Join(root, "packages/web/out.txt")); string(text) != "core" || !strings.Contains(out, "✅ Building package: web completed") {
				t.Errorf("it was not built: %v\n%s", err, out)
			}
		})
	}
}

// packaged is the binary in a folder as npm would install it.
func packaged(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	testkit.Write(t, dir, "package.json", `{"name": "@heapmage/linux-x64", "version": "1.2.3"}`)
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, dir, "bin/heapmage", string(text))
	file := filepath.Join(dir, "bin", "heapmage")
	if err := os.Chmod(file, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// in runs a command in a folder.
func in(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
