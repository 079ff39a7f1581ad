package reuse

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/filetree"
)

// What a path means follows from where it is.

const installed = "node_modules"

// toolCaches are folders in which tools keep what they can make again. Nothing in them is
// an input or an output.
var toolCaches = map[string]bool{
	".git": true, ".heapmage": true, ".turbo": true, ".nx": true, ".parcel-cache": true, ".eslintcache": true, ".stylelintcache": true,
	".wireit": true, ".swc": true, ".rpt2_cache": true, ".rollup.cache": true, ".jest-cache": true, ".nyc_output": true, ".vercel": true,
}

// installedCaches are those below node_modules, with what the managers write there.
var installedCaches = map[string]bool{
	".cache": true, ".vite": true, ".vite-temp": true, ".vitest": true, ".tmp": true, ".bin": true,
	".package-lock.json": true, ".modules.yaml": true, ".yarn-state.yml": true, ".yarn-integrity": true, ".pnpm-workspace-state.json": true,
	".pnpm-workspace-state-v1.json": true,
}

// unseen reports whether a path of the workspace is neither an input nor an output.
func unseen(rel string) bool {
	if filetree.IsTemp(path.Base(rel)) {
		return true
	}
	below := false
	for name := range strings.SplitSeq(rel, "/") {
		if toolCaches[name] || below && installedCaches[name] {
			return true
		}
		below = name == installed
	}
	return strings.Contains("/"+rel+"/", "/.next/cache/")
}

// isInstalled reports whether a path is below a node_modules.
func isInstalled(file string) bool {
	return strings.Contains("/"+file+"/", "/"+installed+"/")
}

// managersFolders are those of package managers below node_modules, in which packages are.
var managersFolders = map[string]bool{".pnpm": true, ".bun": true, ".store": true}

// installedName is the package of node_modules to which a path belongs; "." if it is in a
// folder that no package can have, and empty if it is what packages are in.
func installedName(rel string) string {
	at := strings.LastIndex("/"+rel+"/", "/"+installed+"/")
	name, rest, _ := strings.Cut(rel[min(at+len(installed)+1, len(rel)):], "/")
	switch {
	case managersFolders[name]:
		return ""
	case strings.HasPrefix(name, "."):
		return "."
	case strings.HasPrefix(name, "@") && rest == "":
		return ""
	}
	return name
}

// systemFolders are the system's own. What is in them counts by the system's name.
var systemFolders = []string{"/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc", "/var", "/run", "/snap", "/nix"}

func within(dir, file string) bool {
	rest, ok := strings.CutPrefix(file, dir)
	return ok && (rest == "" || rest[0] == filepath.Separator)
}

// ofSystem reports whether a path outside of the workspace belongs to the system.
func ofSystem(file string) bool {
	for _, dir := range systemFolders {
		if within(dir, file) {
			return true
		}
	}
	return false
}

// homeCaches are folders below the home folder in which tools keep what they can make
// again, or what says nothing about the workspace.
var homeCaches = []string{".npm", ".cache", ".pnpm-store", ".local/share", ".local/state", ".yarn", ".bun", ".config", ".node-gyp", "Library/Caches", ".cargo/registry"}

// homeSettings are folders in them that tell which of several programs is meant.
var homeSettings = []string{".config/mise", ".config/rtx"}

// passing reports whether a path outside of the workspace is for temporary files or caches.
func (r *Results) passing(file string) bool {
	for _, dir := range r.temps {
		if within(dir, file) {
			return true
		}
	}
	inHome := func(dir string) bool { return r.home != "" && within(path.Join(r.home, dir), file) }
	return slices.ContainsFunc(homeCaches, inHome) && !slices.ContainsFunc(homeSettings, inHome)
}

// above reports whether a file lies in a folder around the workspace, where tools look for
// configuration.
func (r *Results) above(file string) bool {
	dir := filepath.Dir(file)
	return dir == "/" || within(dir, r.root)
}

// temps are the folders for temporary files.
func temps() []string {
	dir, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		dir = os.TempDir()
	}
	return []string{dir, "/tmp", "/dev/shm"}
}
