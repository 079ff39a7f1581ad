// Package runnerfile finds the files of other task runners in a workspace.
package runnerfile

import (
	"path"
	"path/filepath"
	"slices"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// turboNames are what the file may be called.
var turboNames = []string{"turbo.json", "turbo.jsonc"}

// Turbo reads the turbo.json of a folder, under either of its turboNames.
func Turbo(root, dir string) (found *jsonc.Document, err error) {
	for _, name := range turboNames {
		d, err := jsonc.Read(root, path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if d != nil && found != nil {
			return nil, &problem.Error{Where: path.Join(dir, turboNames[0]), What: "stands beside a " + turboNames[1],
				Hint: "remove one of them: turbo refuses both, and which one holds is not known"}
		}
		if d != nil {
			found = d
		}
	}
	return found, nil
}

// TurboNamed reads the file that stands in for the root's turbo.json: the one that
// scripts of the root name. One outside of the workspace, one that is missing, and several
// are not read.
func TurboNamed(ws *workspace.Workspace) (d *jsonc.Document, unread []string, err error) {
	if ws.RootPackage == nil {
		return nil, nil, nil
	}
	for _, text := range ws.RootPackage.Scripts {
		for _, file := range scripttext.ValuesOf(text, "--root-turbo-json", "TURBO_ROOT_TURBO_JSON") {
			if file = path.Clean(file); !slices.Contains(unread, file) {
				unread = append(unread, file)
			}
		}
	}
	if len(unread) == 1 && filepath.IsLocal(unread[0]) {
		d, err = jsonc.Read(ws.Root, unread[0])
	}
	if d != nil {
		return d, nil, nil
	}
	slices.Sort(unread)
	return nil, unread, err
}
