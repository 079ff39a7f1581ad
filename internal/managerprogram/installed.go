package managerprogram

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/npmrange"
	"github.com/heapmage/heapmage/internal/pkgmanager"
)

// missing is the version of Corepack's own program for a manager that it would have to
// fetch first.
const missing = "not fetched"

// onPath returns the programs of the manager's name on PATH, in that order.
func (w Wanted) onPath() []Program {
	var all []Program
	for _, path := range environ.Programs(w.Environ, string(w.Name)) {
		p := Program{Args: []string{path}, File: path, OnPath: true}
		if target, err := filepath.EvalSymlinks(path); err == nil {
			p.File = target
		}
		name, version := owner(p.File)
		switch {
		case name != "corepack":
			p.Version = version
			if w.Name == pkgmanager.PNPM && pkgmanager.Major(version) == 11 {
				p.File = path // that version does not look through links
			}
		case w.Declared:
			p.Version = missing
			if kept := w.inCorepack(w.Version); kept.File != "" {
				p.File, p.Version = kept.File, kept.Version
			}
		}
		all = append(all, p)
	}
	return all
}

// owner is the name and the version of the package that a file belongs to.
func owner(file string) (name, version string) {
	for dir := filepath.Dir(file); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		text := folder.Read(dir, "package.json")
		if text == nil {
			continue
		}
		var manifest struct{ Name, Version string }
		if json.Unmarshal(text, &manifest) == nil && manifest.Version != "" {
			return manifest.Name, manifest.Version
		}
	}
	return "", ""
}

// kept returns the programs that are not on PATH: those of Corepack, the exact version
// first, then the newest; and what npm installed globally.
func (w Wanted) kept() []Program {
	var all []Program
	dir := filepath.Join(corepackHome(w.Environ, runtime.GOOS), "v1", string(w.Name))
	entries, _ := os.ReadDir(dir) // most often there is no such folder
	versions := make([]string, 0, len(entries))
	for _, e := range entries {
		versions = append(versions, e.Name())
	}
	slices.SortFunc(versions, func(a, b string) int {
		switch {
		case a == w.Version:
			return -1
		case b == w.Version:
			return 1
		case npmrange.Newer(a, b):
			return -1
		case npmrange.Newer(b, a):
			return 1
		}
		return 0
	})
	for _, version := range versions {
		if p := w.inCorepack(version); p.File != "" {
			all = append(all, p)
		}
	}
	prefix := Prefix(w.Node)
	if prefix == "" {
		return all
	}
	global := filepath.Join(prefix, "lib", "node_modules", string(w.Name))
	if file := entry(global, string(w.Name)); file != "" {
		_, version := owner(file)
		all = append(all, Program{Args: []string{w.Node, file}, File: file, Version: version})
	}
	return all
}

// corepackHome is the folder in which Corepack keeps what it fetched (Corepack's
// getCorepackHomeFolder).
func corepackHome(env []string, system string) string {
	if home := environ.Value(env, environ.CorepackHome); home != "" {
		return home
	}
	for _, name := range []string{environ.XDGCacheHome, environ.LocalAppData} {
		if cache := environ.Value(env, name); cache != "" {
			return filepath.Join(cache, "node", "corepack")
		}
	}
	cache := ".cache"
	if system == "windows" {
		cache = filepath.Join("AppData", "Local")
	}
	return filepath.Join(environ.HomeDir(env, system), cache, "node", "corepack")
}

// inCorepack is the version of the manager that Corepack keeps; the zero value if it does
// not.
func (w Wanted) inCorepack(version string) Program {
	dir := filepath.Join(corepackHome(w.Environ, runtime.GOOS), "v1", string(w.Name), version)
	text := folder.Read(dir, ".corepack")
	if text == nil || w.Node == "" {
		return Program{}
	}
	var kept struct{ Bin json.RawMessage }
	_ = json.Unmarshal(text, &kept) // the file is Corepack's; the program is looked for below
	var bin map[string]string
	file := string(w.Name) + ".js"
	if json.Unmarshal(kept.Bin, &bin) == nil && bin[string(w.Name)] != "" {
		file = bin[string(w.Name)]
	}
	if !folder.HasFile(dir, file) {
		return Program{}
	}
	file = filepath.Join(dir, file)
	return Program{Args: []string{w.Node, file}, File: file, Version: version}
}

// entry is the file behind a package's program; empty if there is none.
func entry(dir, name string) string {
	var manifest struct{ Bin map[string]string }
	if json.Unmarshal(folder.Read(dir, "package.json"), &manifest) != nil || manifest.Bin[name] == "" || !folder.HasFile(dir, manifest.Bin[name]) {
		return ""
	}
	return filepath.Join(dir, manifest.Bin[name])
}

// isBerry reports whether the manager is yarn 2 or newer.
func (w Wanted) isBerry() bool {
	return w.Name == pkgmanager.Yarn && pkgmanager.Major(w.Version) >= 2
}
