package installed

import (
	"bytes"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/workspace"
)

// patcher is the name of the program that changes packages after their installation.
const patcher = "patch-package"

// patch is what patch-package changes in a package, in all of its versions.
type patch struct {
	name string // of the package
	text string // the patch's file and content
}

// patches are those of patch-package, for the root or a package of the workspace. Those of
// the package managers are in the lock files.
func (p *project) patches() (found []patch) {
	if !slices.ContainsFunc(p.ws.All(), func(pkg *workspace.Package) bool { return bytes.Contains(pkg.Manifest, []byte(patcher)) }) {
		return nil
	}
	for _, dir := range sortedKeys(p.manifests()) {
		if !p.patchesPackages(dir) {
			continue
		}
		folder := path.Join(dir, "patches")
		entries, err := os.ReadDir(p.path(folder)) // sorted
		if err != nil {
			continue // there are none
		}
		for _, e := range entries {
			if name, ok := patchedName(e.Name()); ok {
				content := p.digests.Content(p.path(path.Join(folder, e.Name())))
				found = append(found, patch{name, e.Name() + " " + string(content)})
			}
		}
	}
	return found
}

// patch makes patches a part of what they patch.
func (g *graph) patch(patches []patch) {
	if len(patches) == 0 {
		return
	}
	for _, nodes := range g.named {
		for _, n := range nodes {
			for _, p := range patches {
				if p.name == n.name {
					n.id = identity(n.id, p.text)
				}
			}
		}
	}
}

// patchesPackages reports whether a package, or the root for it, uses patch-package.
func (p *project) patchesPackages(dir string) bool {
	return slices.ContainsFunc([]string{dir, "."}, func(dir string) bool {
		m := p.manifests()[dir]
		if m == nil {
			return false
		}
		for _, kind := range []workspace.Kind{workspace.Prod, workspace.Optional, workspace.Dev} {
			if _, ok := m.Dependencies[kind][patcher]; ok {
				return true
			}
		}
		return false
	})
}

// patchedName is the package that a patch is for: that before the version in
// "outer++@scope+name+1.0.0+001+why.patch".
func patchedName(file string) (name string, ok bool) {
	file, ok = strings.CutSuffix(file, ".patch")
	if !ok {
		return "", false
	}
	if _, inner, nested := cutLast(file, "++"); nested {
		file = inner
	}
	parts := strings.Split(file, "+")
	if strings.HasPrefix(parts[0], "@") && len(parts) > 2 {
		return parts[0] + "/" + parts[1], true
	}
	return parts[0], len(parts) > 1
}
