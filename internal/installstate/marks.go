package installstate

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/workspace"
)

// ownMarks are the files that managers write at the end of an installation, relative to
// the root.
var ownMarks = []string{
	npmMark, modulesFile, yarnMark, berryMark, ".pnp.cjs",
}

const (
	npmMark   = "node_modules/.package-lock.json"
	yarnMark  = "node_modules/.yarn-integrity"
	berryMark = "node_modules/.yarn-state.yml"
)

// isolated are folders of managers that give each package that depends on anything its own
// node_modules: Bun's, and that of yarn's pnpm linker. Neither marks the end.
var isolated = []string{"node_modules/.bun", "node_modules/.store"}

// missingMark is the mark that an installation, by hand perhaps, would have left if it had
// ended; empty if nothing suggests that it did not. Any manager's mark will do, and so will
// a folder that has not changed since heapmage installed, one without packages, or one that
// is a link: others look after that.
func (i Installation) missingMark(finished time.Time) string {
	mark := ""
	switch {
	case i.ws.Manager == workspace.NPM && (i.version == "" || pkgmanager.Major(i.version) >= 7): // older ones have none
		mark = npmMark
	case i.ws.Manager == workspace.PNPM:
		mark = modulesFile
	case i.ws.Berry():
		mark = berryMark
	case i.ws.Manager == workspace.Yarn:
		mark = yarnMark
	}
	if mark == "" || !i.changedAfter(finished) || slices.ContainsFunc(slices.Concat(ownMarks, isolated), i.has) {
		return ""
	}
	entries, _ := os.ReadDir(filepath.Join(i.ws.Root, "node_modules")) // what cannot be read tells nothing
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == ".pnpm" || !strings.HasPrefix(e.Name(), ".") }) {
		return ""
	}
	return path.Base(mark)
}

// changedAfter reports whether node_modules is a folder that has changed after a time.
func (i Installation) changedAfter(finished time.Time) bool {
	info, err := os.Lstat(filepath.Join(i.ws.Root, "node_modules"))
	return err == nil && info.IsDir() && info.ModTime().After(finished)
}

// has reports whether something is in the workspace, at a path from its root.
func (i Installation) has(name string) bool {
	dir, base := path.Split(name)
	return folder.Has(filepath.Join(i.ws.Root, dir), base)
}

// finishedAfter reports whether an installation, by hand perhaps, ended after a time.
func (i Installation) finishedAfter(since time.Time) bool {
	return slices.ContainsFunc(ownMarks, func(mark string) bool {
		info, err := os.Stat(filepath.Join(i.ws.Root, mark))
		return err == nil && info.ModTime().After(since)
	})
}

// caches are folders that tools make in node_modules, whether dependencies are installed
// or not.
var caches = []string{".cache", ".vite", ".vite-temp", ".tmp"}

// onlyCaches reports whether a node_modules folder is missing, or holds only caches.
func onlyCaches(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return os.IsNotExist(err)
	}
	return len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(caches, e.Name()) })
}
