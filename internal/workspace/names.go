package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
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

// checkNames refuses two members with one name if the package manager does.
func (r *root) checkNames(members []*Package) error {
	if !r.UniqueNames() {
		return nil
	}
	named := map[string]*Package{}
	for _, p := range members {
		other := named[p.DeclaredName]
		if p.DeclaredName != "" && other != nil {
			return &problem.Error{
				Where: path.Join(p.Dir, "package.json"),
				What:  fmt.Sprintf("its name %q is also that of %s: %s refuses two packages with the same name", p.DeclaredName, path.Join(other.Dir, "package.json"), r.Name),
				Hint:  "rename one of them, or leave its folder out of the patterns in " + r.globFile,
			}
		}
		named[p.DeclaredName] = p
	}
	return nil
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
