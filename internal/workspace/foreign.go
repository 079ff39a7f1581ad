package workspace

import (
	"path/filepath"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
)

// foreign are the files of tools that know their packages in another way than the
// package managers do, with a command that builds with them.
var foreign = []struct{ file, tool, command string }{
	{"rush.json", "Rush", "rush build"},
	{".moon", "moon", "moon run :build"},
	{"deno.json", "Deno", "deno task"},
	{"deno.jsonc", "Deno", "deno task"},
	{"MODULE.bazel", "Bazel", "bazel build //..."},
	{"WORKSPACE.bazel", "Bazel", "bazel build //..."},
	{"WORKSPACE", "Bazel", "bazel build //..."},
}

// ForeignFiles are the files and folders by which such tools are known.
func ForeignFiles() (names []string) {
	for _, f := range foreign {
		names = append(names, f.file)
	}
	return names
}

// noWorkspace is the error of a folder that is in no repository, or in one whose
// packages only another tool knows.
func noWorkspace(dir string) error {
	for at := range upwards(dir) {
		for _, f := range foreign {
			if folder.Has(at, f.file) {
				return &problem.Error{
					Where: filepath.Join(at, f.file),
					What:  "this is a repository of " + f.tool + ", without a package.json or go.mod beside it",
					Hint:  "heapmage cannot tell its packages: build it with `" + f.command + "`",
				}
			}
		}
	}
	return &problem.Error{
		Where: dir,
		What:  "no package.json, go.mod or go.work in this folder or any above it",
		Hint:  "start heapmage inside a repository, or make a package.json with `npm init`",
	}
}

// ofRush reports whether a package belongs to a Rush repository above it, which
// installs and builds it.
func (r *root) ofRush() (file string, ok bool) {
	if r.isRoot {
		return "", false
	}
	for at := range upwards(r.dir) {
		if folder.HasFile(at, "rush.json") {
			return filepath.Join(at, "rush.json"), true
		}
	}
	return "", false
}
