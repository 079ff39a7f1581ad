package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/heapmage/heapmage/internal/printable"
)

// longestName bounds a package's name in bytes. npm allows 214.
const longestName = 512

// nameOf makes a name that can be printed, and that names a task in files and in the
// environment: any text or folder may stand in a repository.
func nameOf(text string) string {
	name := printable.Name(text)
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(text))
	return strings.ToValidUTF8(name[:longestName/2], "") + "~" + hex.EncodeToString(sum[:8])
}

// giveNames gives each package a unique name. The root comes last: if it shares
// its name with a member, the name means the member.
func giveNames(w *Workspace) {
	taken := map[string]bool{}
	give := func(p *Package) {
		p.Name = nameOf(p.DeclaredName)
		if p.Name == "" {
			p.Name = nameOf(p.Dir)
		}
		distinguish(p, taken)
	}
	for _, p := range w.Packages {
		if p != w.RootPackage {
			give(p)
		}
	}
	give(w.RootPackage)
}

// giveGoNames makes the packages' names unique.
func giveGoNames(w *Workspace) {
	if w.RootPackage.DeclaredName == "" {
		w.RootPackage.Name = "."
	}
	taken := map[string]bool{}
	for _, p := range w.Packages {
		p.Name = nameOf(p.Name)
		distinguish(p, taken)
	}
}

// distinguish appends the folder to a name that another package has.
func distinguish(p *Package, taken map[string]bool) {
	for taken[p.Name] {
		p.Name += " (" + nameOf(p.Dir) + ")"
	}
	taken[p.Name] = true
}
