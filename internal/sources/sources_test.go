package sources

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/workspace"
)

// write writes files of the given sizes below root.
func write(t *testing.T, root string, files map[string]int) {
	t.Helper()
	for name, size := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMeasure(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]int{
		"core/src/a.ts": 1000, "core/src/deep/b.tsx": 200, "core/style.css": 30, "core/README.md": 9999,
		"core/node_modules/x/index.js": 9999, "core/dist/a.js": 9999, "core/.cache/a.ts": 9999,
		"core/nested/c.ts": 5,
	})
	core, nested := &workspace.Package{Dir: "core"}, &workspace.Package{Dir: "core/nested"}
	gone, late := &workspace.Package{Dir: "gone"}, &workspace.Package{Dir: "core/src"}
	sizes := New(root, []*workspace.Package{core, nested, gone})
	sizes.Measure([]*workspace.Package{core, nested, gone})
	if got := sizes.Of(core); got != 1230 {
		t.Errorf("core has %d bytes, want 1230", got)
	}
	if got := sizes.Of(nested); got != 5 {
		t.Errorf("nested has %d bytes, want 5", got)
	}
	if got := sizes.Of(gone); got != 0 {
		t.Errorf("a folder that does not exist has %d bytes", got)
	}
	if got := sizes.Of(late); got != 1200 {
		t.Errorf("a package that was not measured before has %d bytes, want 1200", got)
	}
	t.Run("measures again what a script wrote since", func(t *testing.T) {
		write(t, root, map[string]int{"core/src/generated.ts": 5000})
		if before, now := sizes.Of(core), sizes.Now(core); before != 1230 || now != 6230 {
			t.Errorf("before %d bytes, now %d, want 1230 and 6230", before, now)
		}
	})
	t.Run("nil holds none", func(t *testing.T) {
		var none *Sizes
		if none.Of(core) != 0 || none.Now(core) != 0 {
			t.Error("it does")
		}
	})
}
