package installstate

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/workspace"
)

const bunFile = "bun.lock"

// missingOfBun is a package that an installation of Bun's would have left if it had ended, as
// Bun writes no mark: one that bun.lock lists and that no system excludes. Packages inside
// packages are not looked for, nor anything in a bun.lockb, which is not read.
func (i Installation) missingOfBun() string {
	if i.ws.Manager != workspace.Bun {
		return ""
	}
	var lock struct{ Packages map[string][]json.RawMessage }
	text, err := hujson.Standardize(folder.Read(i.ws.Root, bunFile))
	if err != nil || json.Unmarshal(text, &lock) != nil {
		return ""
	}
	store := pkgmanager.BunStore(i.ws.Root)
	var gone []string
	for place, parts := range lock.Packages {
		var what string
		if len(parts) < 3 || json.Unmarshal(parts[0], &what) != nil || what == "" { // links and folders have two
			continue
		}
		inside := strings.Count(place, "/") > 0 && !strings.HasPrefix(place, "@") || strings.Count(place, "/") > 1
		switch _, version, _ := strings.Cut(what[1:], "@"); {
		case strings.ContainsAny(version, ":/#") || slices.ContainsFunc(parts[1:], notAlways):
		case store != nil && !store[strings.ReplaceAll(what, "/", "+")], store == nil && !inside && !folder.Has(filepath.Join(i.ws.Root, "node_modules", place), "package.json"):
			gone = append(gone, what)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	return slices.Min(gone)
}

// notAlways reports whether a part of an entry tells that the package has no place of its own
// on every system.
func notAlways(part json.RawMessage) bool {
	var body struct{ OS, CPU, LibC, Bundled any }
	return json.Unmarshal(part, &body) == nil && (body.OS != nil || body.CPU != nil || body.LibC != nil || body.Bundled != nil)
}
