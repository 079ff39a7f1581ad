package workspace

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
)

// Load reads the workspace that dir belongs to: dir may be its root, one of
// its members or a folder inside either. A package.json wins over a Go module.
// Every error is a *problem.Error.
func Load(dir string) (*Workspace, error) {
	dir, err := realFolder(dir)
	if err != nil {
		return nil, err
	}
	goDir := ""
	for at := dir; ; at = filepath.Dir(at) {
		if hasManifest(at) {
			return loadNode(at)
		}
		if goDir == "" && (isFile(filepath.Join(at, "go.mod")) || isFile(filepath.Join(at, "go.work"))) {
			goDir = at
		}
		// A Go repository ends where its version control does: a stray
		// package.json in the home folder has no say in it.
		if goDir != "" && exists(filepath.Join(at, ".git")) || filepath.Dir(at) == at {
			break
		}
	}
	if goDir != "" {
		return loadGo(goDir)
	}
	return nil, &problem.Error{
		Where: dir,
		What:  "no package.json, go.mod or go.work in this folder or any above it",
		Hint:  "start heapmage inside a repository, or make a package.json with `npm init`",
	}
}

func realFolder(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(absolute); err == nil && !info.IsDir() {
			return "", &problem.Error{Where: dir, What: "is a file, not a folder", Hint: "name the workspace's folder"}
		}
	}
	if err != nil {
		return "", &problem.Error{Where: dir, What: "the folder cannot be opened", Cause: reason(err), Hint: "name a folder inside a repository"}
	}
	return absolute, nil
}

func hasManifest(dir string) bool {
	return isFile(filepath.Join(dir, "package.json")) || isFile(filepath.Join(dir, "pnpm-workspace.yaml"))
}

// loadNode loads the workspace of the package in dir.
func loadNode(dir string) (*Workspace, error) {
	root, err := openRoot(dir)
	if err != nil {
		return nil, err
	}
	for !root.standsAlone() {
		outer, err := root.outer()
		if err != nil {
			return nil, err
		}
		if outer == nil {
			break
		}
		wasRoot := root.isRoot
		root = outer
		// Only yarn Berry lets members of members belong to the whole.
		if wasRoot || !outer.berry {
			break
		}
	}
	return root.load()
}

// rootFolder is a folder with a package.json (or pnpm-workspace.yaml) that may be a root.
type rootFolder struct {
	manager
	dir      string
	manifest *manifest // nil where there is only a pnpm-workspace.yaml
	globs    []string
	globFile string // the file that the globs stand in
	isRoot   bool   // the folder declares members, or could
}

// openRoot reads what decides whether a folder is a workspace's root.
func openRoot(dir string) (*rootFolder, error) {
	r := &rootFolder{dir: dir, globFile: "package.json"}
	text, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil && !os.IsNotExist(err) {
		return nil, &problem.Error{Where: "package.json", What: "cannot be read", Cause: reason(err), Hint: "mend the file's permissions"}
	}
	if err == nil {
		var mistake *positionError
		if r.manifest, mistake = parseManifest(text); mistake != nil {
			return nil, &problem.Error{Where: mistake.at("package.json"), What: mistake.what, Hint: "mend " + filepath.Join(dir, "package.json")}
		}
	}
	if r.manager, err = detectManager(dir, r.manifest); err != nil {
		return nil, err
	}
	var listed bool
	if r.manifest != nil {
		var mistake *positionError
		if r.globs, listed, mistake = r.manifest.globs(); mistake != nil {
			return nil, &problem.Error{Where: mistake.at("package.json"), What: mistake.what, Hint: `write "workspaces": ["packages/*"]`}
		}
	}
	r.isRoot = listed || r.pnpm != nil
	if r.name != PNPM {
		return r, nil
	}
	switch {
	case r.pnpm != nil && r.pnpm.hasPackages:
		r.globs, r.globFile = r.pnpm.packages, "pnpm-workspace.yaml"
	case r.pnpm != nil && r.version != "" && major(r.version) < 9:
		r.globs, r.globFile = []string{"**"}, "pnpm-workspace.yaml"
	case len(r.globs) > 0:
		r.warnings = append(r.warnings, `pnpm reads its members from "packages" in pnpm-workspace.yaml, which is missing: "workspaces" in package.json is used`)
	}
	return r, nil
}

// standsAlone tells whether the folder is a root whatever lies above it.
func (r *rootFolder) standsAlone() bool {
	return r.isRoot && (r.pnpm != nil || r.lockFile != "")
}

// outer returns the nearest root above that has this folder as a member, nil
// where there is none. A broken package.json above is an error only where a
// lock file or version control shows that it is a repository's.
func (r *rootFolder) outer() (*rootFolder, error) {
	for at := filepath.Dir(r.dir); ; at = filepath.Dir(at) {
		if hasManifest(at) {
			above, err := openRoot(at)
			if err != nil && isRepository(at) {
				return nil, err
			}
			if err == nil && above.isRoot && above.lets(r.dir) {
				return above, nil
			}
		}
		if filepath.Dir(at) == at {
			return nil, nil
		}
	}
}

// lets tells whether the root's globs let a folder in.
func (r *rootFolder) lets(dir string) bool {
	rel, err := filepath.Rel(r.dir, dir)
	return err == nil && slices.ContainsFunc(compileGlobs(r.globs, r.manager), func(rule globRule) bool {
		return rule.contains(filepath.ToSlash(rel))
	})
}

func isRepository(dir string) bool {
	for _, l := range lockFiles {
		if isFile(filepath.Join(dir, l.file)) {
			return true
		}
	}
	return exists(filepath.Join(dir, ".git"))
}

// load reads the members and their edges.
func (r *rootFolder) load() (*Workspace, error) {
	w := &Workspace{
		Root:           r.dir,
		Manager:        r.name,
		ManagerVersion: r.version,
		ManagerFrom:    r.from,
		LockFile:       r.lockFile,
		PnP:            r.plugNPlay(),
		Warnings:       r.warnings,
	}
	own := r.manifest
	if own == nil {
		own = &manifest{}
	}
	members, err := r.members(w)
	if err != nil {
		return nil, err
	}
	manifests := map[*Package]*manifest{}
	for dir, m := range members {
		p := newPackage(r.dir, dir, m)
		manifests[p] = m
		w.Packages = append(w.Packages, p)
	}
	slices.SortFunc(w.Packages, func(a, b *Package) int { return strings.Compare(a.Dir, b.Dir) })
	if i := slices.IndexFunc(w.Packages, func(p *Package) bool { return p.Dir == "." }); i >= 0 {
		w.RootPackage = w.Packages[i]
	} else {
		w.RootPackage = newPackage(r.dir, ".", own)
		manifests[w.RootPackage] = own
		if len(w.Packages) == 0 {
			w.Packages = []*Package{w.RootPackage}
		}
	}
	giveNames(w)
	resolveEdges(w, r, manifests)
	return w, nil
}

// plugNPlay tells whether Yarn Plug'n'Play is in use: its file is there, or will
// be once yarn has installed.
func (r *rootFolder) plugNPlay() bool {
	if r.name != Yarn {
		return false
	}
	return isFile(filepath.Join(r.dir, ".pnp.cjs")) || isFile(filepath.Join(r.dir, ".pnp.js")) ||
		r.berry && r.yarn != nil && r.yarn.nodeLinker == "pnp"
}

// members returns the manifests of the member folders, by folder.
func (r *rootFolder) members(w *Workspace) (map[string]*manifest, error) {
	members := map[string]*manifest{}
	if len(r.globs) > 0 {
		if err := r.expand(w, ".", r.globs, members); err != nil {
			return nil, err
		}
	}
	if r.rootIsMember() && r.manifest != nil {
		members["."] = r.manifest
	}
	if r.name != Yarn || r.berry {
		return members, nil
	}
	for _, dir := range slices.Sorted(maps.Keys(members)) { // yarn 1 takes these for no members
		if m := members[dir]; m.name == "" || m.version == "" {
			delete(members, dir)
			w.Warnings = append(w.Warnings, path.Join(dir, "package.json")+" has no name or no version: yarn 1 does not count it as a package, and neither does heapmage")
		}
	}
	return members, nil
}

// expand adds the members that globs let in. base is the folder that the globs
// start from: with yarn Berry a member may have members of its own.
func (r *rootFolder) expand(w *Workspace, base string, globs []string, members map[string]*manifest) error {
	finder := newGlobber(filepath.Join(r.dir, filepath.FromSlash(base)))
	rules := compileGlobs(globs, r.manager)
	folders := make([][]string, len(rules))
	candidates := map[string]bool{}
	for i, rule := range rules {
		for _, dir := range finder.folders(rule) {
			folders[i] = append(folders[i], path.Join(base, dir))
			candidates[path.Join(base, dir)] = true
		}
	}
	found, err := readManifests(r.dir, candidates, r.globFile)
	if err != nil {
		return err
	}
	var empty []string
	for i, rule := range rules {
		if !slices.ContainsFunc(folders[i], func(dir string) bool { return found[dir] != nil }) {
			empty = append(empty, rule.text)
		}
	}
	file := path.Join(base, r.globFile)
	if len(rules) > 0 && len(empty) == len(rules) && base == "." {
		return &problem.Error{
			Where: file,
			What:  "no folder with a package.json matches " + quoted(empty),
			Hint:  "name the folders of the packages, such as \"packages/*\"",
		}
	}
	for _, glob := range empty {
		w.Warnings = append(w.Warnings, fmt.Sprintf("%s: no folder with a package.json matches %q", file, glob))
	}
	var inner []string
	for dir, m := range found {
		if members[dir] != nil || dir == "." && r.name == NPM && !slices.Contains(globs, ".") {
			continue
		}
		members[dir] = m
		if dir != "." {
			inner = append(inner, dir)
		}
	}
	if !r.berry {
		return nil
	}
	slices.Sort(inner)
	for _, dir := range inner {
		more, _, mistake := found[dir].globs()
		if mistake != nil || len(more) == 0 {
			continue
		}
		if err := r.expand(w, dir, more, members); err != nil {
			return err
		}
	}
	return nil
}

func newPackage(root, dir string, m *manifest) *Package {
	scripts := m.scripts
	if scripts == nil {
		scripts = map[string]string{}
	}
	return &Package{
		DeclaredName: m.name,
		Dir:          dir,
		Path:         filepath.Join(root, filepath.FromSlash(dir)),
		Version:      m.version,
		Private:      m.private,
		Scripts:      scripts,
		Manifest:     bytes.Clone(m.text), // it was read into room for more
	}
}

// giveNames gives each package a name of its own. The root comes last: where it
// shares its name with a member, the name means the member.
func giveNames(w *Workspace) {
	taken := map[string]bool{}
	give := func(p *Package) {
		p.Name = p.DeclaredName
		if p.Name == "" {
			p.Name = p.Dir
		}
		for taken[p.Name] {
			p.Name += " (" + p.Dir + ")"
		}
		taken[p.Name] = true
	}
	for _, p := range w.Packages {
		if p != w.RootPackage {
			give(p)
		}
	}
	give(w.RootPackage)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reason strips a file error of the path that the message names anyway.
func reason(err error) error {
	if pathError, ok := err.(*fs.PathError); ok {
		return pathError.Err
	}
	return err
}

func quoted(texts []string) string {
	var b strings.Builder
	for i, t := range texts {
		if i == 3 && len(texts) > 4 {
			fmt.Fprintf(&b, " or %d more", len(texts)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", t)
	}
	return b.String()
}
