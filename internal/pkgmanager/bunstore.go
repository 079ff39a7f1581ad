package pkgmanager

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
)

// BunStore are the packages, as "name@version" with "+" for "/", that Bun's isolated linker has
// put in its folder below root; nil if it is not in use.
func BunStore(root string) map[string]bool {
	dir := filepath.Join(root, "node_modules", ".bun")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	store := map[string]bool{}
	for _, e := range entries {
		at := strings.LastIndex(e.Name(), "@")
		if at < 1 {
			continue
		}
		name := strings.ReplaceAll(e.Name()[:at], "+", "/")
		if folder.Has(filepath.Join(dir, e.Name(), "node_modules", filepath.FromSlash(name)), "package.json") { // else it was interrupted
			version, _, _ := strings.Cut(e.Name()[at:], "+") // what follows stands for a set of peers
			store[e.Name()[:at]+version] = true
		}
	}
	return store
}
