package unobserved

import (
	"os"
	"path"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/workspace"
)

// dependencies adds the files of the packages that the task's package, or the root, depends on:
// its package.json, and all others unless what its tasks left is known, and is what others
// get of it.
func (g *gathering) dependencies(left map[*workspace.Package][]string) {
	all := g.task.Package.Below()
	if root := g.k.Workspace.RootPackage; root != nil {
		all = append(all, root.Below()...)
	}
	for _, pkg := range all {
		if pkg == g.task.Package {
			continue
		}
		g.files[path.Join(pkg.Dir, "package.json")] = true
		if files := left[pkg]; len(files) == 0 || g.opensSources(pkg, files) {
			g.all(pkg.Dir)
		}
	}
}

// entries are the keys of package.json that name what others get of a package.
var entries = []string{"main", "module", "browser", "types", "typings", "exports", "imports", "bin"}

// opensSources reports whether a package gives others files that are no outputs.
func (g *gathering) opensSources(pkg *workspace.Package, left []string) bool {
	d, err := jsonc.Parse("package.json", pkg.Manifest)
	if err != nil {
		return true
	}
	names := []string{"index.js"}
	for _, key := range entries {
		if v, ok := jsonc.Member(d.Top, key); ok {
			names = append(names, texts(v)...)
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		dir, _, pattern := strings.Cut(name, "*")
		rel := path.Join(pkg.Dir, dir)
		switch {
		case name == "./package.json":
			return false
		case pattern && rel == pkg.Dir:
			return true
		}
		if _, err := os.Lstat(g.k.abs(rel)); err != nil {
			rel = path.Dir(rel) // "./src/*.ts", or without its extension
		}
		_, err := os.Lstat(g.k.abs(rel))
		return err == nil && rel != pkg.Dir && !slices.ContainsFunc(left, func(file string) bool { return isIn(rel, file) })
	})
}

// texts are all strings in a value.
func texts(v hujson.Value) (all []string) {
	for part := range v.All() {
		if text, ok := jsonc.Text(*part); ok {
			all = append(all, text)
		}
	}
	return all
}
