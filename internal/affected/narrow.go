package affected

import (
	"maps"

	"github.com/heapmage/heapmage/internal/workspace"
)

// Narrow takes back that every package has changed, if it can be told what the files concern
// for which that was said: mayRead reports whether a package's tasks may read any of them.
// Those above the workspace have their path in the repository, and concern all.
func (c *Changes) Narrow(mayRead func(pkg *workspace.Package, files []string) bool) {
	if c.All == "" || c.above {
		return
	}
	before := len(c.Packages)
	maps.DeleteFunc(c.Packages, func(pkg *workspace.Package, _ bool) bool { return !c.own[pkg] && !mayRead(pkg, c.loose) })
	if len(c.Packages) < before {
		c.All = ""
	}
}
