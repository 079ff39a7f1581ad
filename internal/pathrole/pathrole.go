// Package pathrole tells from where a path is what it means to a task: whether it can be an
// input or an output at all, and whether it belongs to what is installed or to the system.
package pathrole

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/filetree"
)

const installed = "node_modules"

// toolCaches are folders in which tools keep what they can make again. Nothing in them is
// an input or an output.
var toolCaches = map[string]bool{
	".heapmage": true, ".turbo": true, ".nx": true, ".parcel-cache": true, ".eslintcache": true, ".stylelintcache": true,
	".wireit": true, ".swc": true, ".rpt2_cache": true, ".rollup.cache": true, ".jest-cache": true, ".nyc_output": true, ".vercel": true,
}

// installedCaches are those below node_modules, with what the managers write there.
var installedCaches = map[string]bool{
	".cache": true, ".vite": true, ".vite-temp": true, ".vitest": true, ".tmp": true, ".bin": true,
	".package-lock.json": true, ".modules.yaml": true, ".yarn-state.yml": true, ".yarn-integrity": true, ".pnpm-workspace-state.json": true,
	".pnpm-workspace-state-v1.json": true,
}

// Unseen reports whether a path of the workspace is neither an input nor an output.
func Unseen(rel string) bool {
	if filetree.IsTemp(path.Base(rel)) || rel == config.PlanFile {
		return true
	}
	if inGit, ref := GitRef(rel); inGit {
		return !ref
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

// GitRef reports whether a path is in a .git, and whether it tells there which commit is
// checked out or what a branch or a tag stands for. Git's index and objects are no inputs.
func GitRef(path string) (inGit, ref bool) {
	_, rest, inGit := strings.Cut("/"+path+"/", "/.git/")
	rest = strings.TrimSuffix(rest, "/")
	if below, ok := strings.CutPrefix(rest, "worktrees/"); ok {
		_, rest, _ = strings.Cut(below, "/")
	}
	return inGit, rest == "HEAD" || rest == "packed-refs" || strings.HasPrefix(rest+"/", "refs/")
}

// IsInstalled reports whether a path is what the package manager installs. It counts by
// what is installed, not by itself.
func IsInstalled(rel string) bool {
	return strings.Contains("/"+rel+"/", "/"+installed+"/")
}

// managersFolders are those of package managers below node_modules, in which packages are.
var managersFolders = map[string]bool{".pnpm": true, ".bun": true, ".store": true}

// InstalledName is the package of node_modules to which a path belongs; "." if it is in a
// folder that no package can have, and empty if it is what packages are in.
func InstalledName(rel string) string {
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

// Within reports whether a file is a folder, or is in it.
func Within(dir, file string) bool {
	rest, ok := strings.CutPrefix(file, dir)
	return ok && (rest == "" || rest[0] == filepath.Separator)
}

// OfSystem reports whether a path outside of the workspace belongs to the system.
func OfSystem(file string) bool {
	for _, dir := range systemFolders {
		if Within(dir, file) {
			return true
		}
	}
	return false
}

// TellsVersion reports whether a file is the package.json of a package that was installed
// for all users. Node reads it before it runs a program of that package.
func TellsVersion(file string) bool {
	dir, name := filepath.Split(file)
	return name == "package.json" && strings.Count(dir, "/"+installed+"/") == 1
}

// managers are the packages in which package managers come.
var managers = []string{"npm", "pnpm", "@pnpm/exe", "yarn", "corepack"}

// ManagerPrograms are the names of their programs.
var ManagerPrograms = []string{"npm", "npx", "pnpm", "pnpx", "yarn", "yarnpkg", "corepack"}

// Manager returns the folder of the package manager to which a file outside of the workspace belongs:
// …/node_modules/npm. A package manager brings all that it needs, so its version stands for its files. It
// is empty if the file belongs to none.
func Manager(file string) string {
	before, rest, ok := strings.Cut(filepath.ToSlash(file), "/"+installed+"/")
	if !ok {
		return ""
	}
	for _, name := range managers {
		if strings.HasPrefix(rest, name+"/") {
			return before + "/" + installed + "/" + name
		}
	}
	return ""
}

// homeCaches are what is below the home folder in which tools keep what they can make again, or what says
// nothing about the workspace, such as who the user is and where packages come from.
var homeCaches = []string{".npmrc", ".yarnrc", ".yarnrc.yml", ".bunfig.toml", ".gitconfig", ".npm", ".cache", ".pnpm-store", ".local/share", ".local/state", ".yarn", ".bun", ".config", ".node-gyp", "Library/Caches", ".cargo/registry"}

// homeSettings are folders in them that tell which of several programs is meant.
var homeSettings = []string{".config/mise", ".config/rtx"}

// OfTools reports whether a path is such a file or in such a folder of the user's, whose folder is home.
func OfTools(home, file string) bool {
	inHome := func(dir string) bool { return home != "" && Within(path.Join(home, dir), file) }
	return slices.ContainsFunc(homeCaches, inHome) && !slices.ContainsFunc(homeSettings, inHome)
}

// Temps are the folders for temporary files.
func Temps() []string {
	dir, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		dir = os.TempDir()
	}
	return []string{dir, "/tmp", "/dev/shm"}
}
