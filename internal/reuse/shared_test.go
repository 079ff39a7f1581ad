package reuse

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/testkit"
)

func TestWhereAForeignResultMayWrite(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, ".gitignore", "dist\nnode_modules\n/out\n")
	if text, err := exec.Command("git", "-C", root, "init", "-q").CombinedOutput(); err != nil { //nolint:gosec // the folder is the test's own
		t.Fatalf("%v: %s", err, text)
	}
	r, err := Open(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	task := &Task{ID: "web#build", Folder: "packages/web", Installed: func(file string) (string, string, bool) {
		return "1.0.0", root, strings.Contains(file, "node_modules/typescript")
	}}
	for _, tt := range []struct {
		claim, task, path string
		may               bool
	}{
		{"its own package", "web#build", "packages/web/lib/a.js", true},
		{"another package, where Git ignores it", "web#build", "packages/core/dist/a.js", true},
		{"the root, where Git ignores it", "web#build", "out/web/a.js", true},
		{"another package, where Git does not ignore it", "web#build", "packages/core/src/a.ts", false},
		{"a package whose name begins the same", "web#build", "packages/website/a.js", false},
		{"the root, where Git does not ignore it", "web#build", ".github/workflows/a.yml", false},
		{"an installed package", "web#build", "node_modules/typescript/lib/tsc.js", false},
		{"an installed package of its own", "web#build", "packages/web/node_modules/typescript/lib/tsc.js", false},
		{"what a generator leaves in node_modules", "web#build", "node_modules/.prisma/client/index.js", true},
		{"what is the result of another task", "core#build", "packages/web/dist/a.js", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			e := &cache.Entry{Task: tt.task, Files: []filetree.File{{Path: tt.path, Kind: filetree.Regular}}}
			if why := r.astray(t.Context(), task, e); (why == "") != tt.may {
				t.Errorf("%q", why)
			}
		})
	}
}
