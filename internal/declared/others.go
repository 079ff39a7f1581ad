package declared

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/turbofile"
	"github.com/heapmage/heapmage/internal/workspace"
)

// others is a line about what is there and not read, empty if there is nothing.
func others(ws *workspace.Workspace, sources []source) string {
	var found []string
	if !slices.ContainsFunc(sources, func(s source) bool { _, ok := s.(*lage); return ok }) {
		for _, name := range append(slices.Clip(lageFiles), "lage.config.ts") {
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
	if d, _ := turbofile.In(ws.Root, "."); d == nil {
		_, unread, _ := turbofile.Named(ws) // Load returns the errors
		found = append(found, unread...)
	}
	if len(found) == 0 {
		return ""
	}
	return "Not read, though other runners obey it: " + strings.Join(found, ", ")
}
