package declared

import (
	"fmt"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// lage are the files of a runner that are not read: most of them are programs.
var lage = []string{"lage.config.js", "lage.config.cjs", "lage.config.mjs", "lage.config.ts", "lage.config.json"}

// others is a line about what is there and not read, empty if there is nothing.
func others(ws *workspace.Workspace) string {
	var found []string
	for _, name := range append(slices.Clip(lage), workspace.ForeignFiles()...) {
		if folder.Has(ws.Root, name) {
			found = append(found, name)
		}
	}
	if n := wireits(ws); n > 0 {
		found = append(found, fmt.Sprintf("wireit in package.json (%d), which runs what its scripts need by itself", n))
	}
	if len(found) == 0 {
		return ""
	}
	return "Not read, though other runners obey it: " + strings.Join(found, ", ")
}

// wireits counts the packages with scripts that run wireit.
func wireits(ws *workspace.Workspace) (n int) {
	for _, pkg := range ws.Packages {
		for _, text := range pkg.Scripts {
			if text == "wireit" {
				n++
				break
			}
		}
	}
	return n
}
