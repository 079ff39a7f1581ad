package installstate

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// missingMember is why one of the packages lacks its own node_modules, which a script may
// have removed.
func (i Installation) missingMember(needed []*workspace.Package) string {
	gone := slices.DeleteFunc(slices.Clone(needed), func(p *workspace.Package) bool { return p.Dir == "." || folder.Has(p.Path, "node_modules") })
	if len(gone) == 0 {
		return ""
	}
	for _, p := range gone {
		if i.givesOwn(p) {
			return path.Join(p.Dir, "node_modules") + " is missing"
		}
	}
	for _, mark := range []string{npmMark, yarnMark, berryMark} { // they list what was installed
		had := ownFolders(folder.Read(i.ws.Root, mark))
		for _, p := range gone {
			if had[p.Dir] {
				return path.Join(p.Dir, "node_modules") + " is missing"
			}
		}
	}
	return ""
}

// ownFolders are the folders that have a node_modules of their own, by the quoted paths in a
// list of what was installed.
func ownFolders(list []byte) map[string]bool {
	const modules = "/node_modules"
	dirs := map[string]bool{}
	for {
		at := bytes.Index(list, []byte(modules))
		if at < 0 {
			return dirs
		}
		if quote := bytes.LastIndexByte(list[:at], '"'); quote >= 0 {
			dirs[string(list[quote+1:at])] = true
		}
		list = list[at:]
		next := bytes.IndexByte(list, '"') // the rest of the path is deeper
		if next < 0 {
			return dirs
		}
		list = list[next:]
	}
}

// givesOwn reports whether the manager gives a package its own node_modules because that
// depends on anything.
func (i Installation) givesOwn(p *workspace.Package) bool {
	fields := []string{"dependencies", "devDependencies"}
	modules, ok := i.readModules()
	switch {
	case i.ws.Manager == workspace.PNPM && ok && modules.Linker != "hoisted":
		fields = slices.DeleteFunc(fields, func(field string) bool {
			included, told := modules.Included[field]
			return told && !included
		})
	case i.ws.Manager != workspace.PNPM && slices.ContainsFunc(isolated, i.has):
	default:
		return false
	}
	return dependsOnAny([]*workspace.Package{p}, fields...)
}

var runtimeFields = []string{"dependencies", "devDependencies", "optionalDependencies"}

// dependsOnAny tells whether any of the packages depends on anything, in these fields of
// its package.json.
func dependsOnAny(packages []*workspace.Package, fields ...string) bool {
	for _, p := range packages {
		var manifest map[string]json.RawMessage
		// The managers ignore a field of the wrong type.
		_ = json.Unmarshal(p.Manifest, &manifest)
		for _, field := range fields {
			var entries map[string]any
			if json.Unmarshal(manifest[field], &entries) == nil && len(entries) > 0 {
				return true
			}
		}
	}
	return false
}
