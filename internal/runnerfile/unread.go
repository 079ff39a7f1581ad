package runnerfile

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Unread is a line about what is there and not read, empty if there is nothing. lage is true
// if the configuration of Lage was read.
func Unread(ws *workspace.Workspace, lage bool) string {
	var found []string
	if !lage {
		for _, name := range append(slices.Clip(lageNames), "lage.config.ts") {
			if folder.Has(ws.Root, name) {
				found = append(found, name+" (it is a program)")
			}
		}
	}
	for _, name := range workspace.ForeignFiles() {
		if folder.Has(ws.Root, name) {
			found = append(found, name)
		}
	}
	if d, _ := Turbo(ws.Root, "."); d == nil {
		_, unread, _ := TurboNamed(ws) // Load returns the errors
		found = append(found, unread...)
	}
	if len(found) == 0 {
		return ""
	}
	return "Not read, though other runners obey it: " + strings.Join(found, ", ")
}
