// Package installstate tells whether a workspace's dependencies are installed, from what the
// package managers leave: whether an installation is missing, was interrupted, or lost a folder
// since. It starts no process and reads a few files. As Bun leaves no mark, it looks for each of
// the packages in Bun's lock file if node_modules has changed since heapmage installed. What is
// installed is the subject of package installed.
package installstate

import (
	"path/filepath"
	"time"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Installation is what a package manager left in a workspace.
type Installation struct {
	ws      *workspace.Workspace
	version string
}

// Of returns the installation of a workspace. version is that of the manager that runs; empty
// means that it is not known. Nothing is read before it is asked for.
func Of(ws *workspace.Workspace, version string) Installation { return Installation{ws, version} }

// Known is what is known of the dependencies before a run. The zero value knows nothing.
type Known struct {
	// Unfinished is when an installation of heapmage's began that did not succeed; zero if
	// there is none.
	Unfinished time.Time
	// Finished is when the last one succeeded; zero if none is known.
	Finished time.Time
	// Needed are the packages whose scripts run.
	Needed []*workspace.Package
}

// Missing is why dependencies have to be installed; empty if nothing has to be done.
func (i Installation) Missing(known Known) string {
	switch {
	case i.ws.Manager == workspace.Go, !dependsOnAny(i.ws.All(), runtimeFields...):
		return ""
	case !known.Unfinished.IsZero() && !i.finishedAfter(known.Unfinished):
		return "the last installation was not finished"
	case i.PlugNPlay():
		return ""
	case i.ws.PnP:
		return ".pnp.cjs is missing"
	case onlyCaches(filepath.Join(i.ws.Root, "node_modules")):
		return "node_modules is missing"
	}
	if mark := i.missingMark(known.Finished); mark != "" {
		return "node_modules lacks " + mark + ", which " + string(i.ws.Manager) + " writes last"
	}
	if i.changedAfter(known.Finished) {
		if gone := i.missingOfBun(); gone != "" {
			return "node_modules lacks " + gone + ", which " + bunFile + " lists"
		}
	}
	return i.missingMember(known.Needed)
}

// PlugNPlay reports whether Yarn Plug'n'Play is installed now. In a fresh clone only
// the install step brings its file, which is usually not committed.
func (i Installation) PlugNPlay() bool {
	return i.ws.Manager == workspace.Yarn && (folder.Has(i.ws.Root, ".pnp.cjs") || folder.Has(i.ws.Root, ".pnp.js"))
}
