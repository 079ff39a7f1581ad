package declared

import (
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// notRead are the files of runners that are not read: most of them are programs.
var notRead = []string{
	"lage.config.js", "lage.config.cjs", "lage.config.mjs", "lage.config.ts", "lage.config.json",
	"rush.json", ".moon", "deno.json", "deno.jsonc", "MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel",
}

// others is a line about what is there and not read, empty if there is nothing.
func others(ws *workspace.Workspace) string {
	var found []string
	for _, name := range notRead {
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
