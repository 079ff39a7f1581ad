// Package workspace finds a monorepo and reads its packages: which folders are
// members, what each is called, which scripts it has, and which other members
// it depends on. It reads files only and starts no package manager. Every error
// is a *problem.Error.
package workspace

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"sort"

	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/pkgmanager"
)

// Manager is the tool that a workspace declares for its packages.
type Manager = pkgmanager.Name

// The managers.
const (
	NPM          = pkgmanager.NPM
	PNPM         = pkgmanager.PNPM
	Yarn         = pkgmanager.Yarn // yarn 1 and Berry (2 and newer): see Workspace.Berry
	Bun          = pkgmanager.Bun
	Go   Manager = "go" // a Go module or go.work without a package.json
)

// Workspace is a monorepo: a root folder and its packages.
type Workspace struct {
	// Root is the absolute path of the root folder, symbolic links resolved.
	Root string
	// Manager is the package manager that the workspace declares.
	Manager Manager
	// ManagerVersion is the declared version such as "9.1.0", without hash, or the
	// major version that the lock file implies; empty if it is not known.
	ManagerVersion string
	// ManagerFrom names the file that decided the manager, for messages.
	ManagerFrom string
	// ManagerDeclared is true if "packageManager" in package.json decided the version.
	ManagerDeclared bool
	// YarnFile is the absolute path of a checked-in yarn, empty if there is none.
	YarnFile string
	// LockFile is the name of the manager's lock file in Root, empty if there is none.
	LockFile string
	// PnP is true if Yarn Plug'n'Play is in use: .pnp.cjs is there, or
	// .yarnrc.yml has "nodeLinker: pnp".
	PnP bool
	// PNPM is pnpm-workspace.yaml, nil if there is none.
	PNPM *pkgmanager.Settings
	// Packages are the members, ordered by Dir. A repository without members is
	// one package: its root. If the manager counts the root as a member (pnpm,
	// yarn Berry), it is among them.
	Packages []*Package
	// RootPackage is the package at Root, a member or not.
	RootPackage *Package
	// Warnings are oddities that were ignored, one sentence each.
	Warnings []string

	byName []*Package // what sortedByName returns, once the packages are complete
}

// Bare is a folder, an absolute path, without packages but its root, which has no scripts.
func Bare(dir string) *Workspace {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	return &Workspace{Root: dir, RootPackage: &Package{Name: filepath.Base(dir), Dir: ".", Path: dir}}
}

// Major returns the first number of ManagerVersion, 0 if it is not known.
func (w *Workspace) Major() int { return pkgmanager.Major(w.ManagerVersion) }

// Berry reports whether the manager is yarn 2 or newer.
func (w *Workspace) Berry() bool { return w.Manager == Yarn && w.Major() >= 2 }

// All are all members of a workspace, and its root even if it is not a member.
func (w *Workspace) All() []*Package {
	if w.RootPackage == nil || slices.Contains(w.Packages, w.RootPackage) {
		return slices.Clone(w.Packages)
	}
	return append(slices.Clone(w.Packages), w.RootPackage)
}

// At returns the package in a folder, as in Package.Dir, or nil if there is none.
func (w *Workspace) At(dir string) *Package {
	if i, ok := slices.BinarySearchFunc(w.Packages, dir, func(p *Package, dir string) int { return cmp.Compare(p.Dir, dir) }); ok {
		return w.Packages[i]
	}
	if dir == "." {
		return w.RootPackage
	}
	return nil
}

// Rel returns a folder relative to the root, with slashes, symbolic links resolved as in Root.
// It is empty for one outside.
func (w *Workspace) Rel(dir string) string {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	rel, err := filepath.Rel(w.Root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// Path resolves the name of a file that the user gave. A relative one starts at the root.
func (w *Workspace) Path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(w.Root, file)
}

// IsFolder reports whether an absolute path is the folder of a package.
func (w *Workspace) IsFolder(file string) bool {
	dir, err := filepath.Rel(w.Root, file)
	return err == nil && w.At(filepath.ToSlash(dir)) != nil
}

// Owner returns the package that a file belongs to, of nested ones the innermost. The file is
// relative to the workspace, with slashes. It is nil for one that is in the root's folder only.
func (w *Workspace) Owner(file string) *Package {
	for dir := file; dir != "."; dir = path.Dir(dir) {
		if pkg := w.At(dir); pkg != nil {
			return pkg
		}
	}
	return nil
}

// Named returns the package that declares a name, of several the last by Dir, or nil if
// there is none.
func (w *Workspace) Named(name string) *Package {
	all := w.byName
	if all == nil {
		all = w.sortedByName()
	}
	after := sort.Search(len(all), func(i int) bool { return all[i].DeclaredName > name })
	if after > 0 && all[after-1].DeclaredName == name {
		return all[after-1]
	}
	return nil
}

// sortedByName are all packages that declare a name, ordered by it, then by Dir.
func (w *Workspace) sortedByName() []*Package {
	all := w.All()
	slices.SortFunc(all, byDir) // the root first
	all = slices.DeleteFunc(all, func(p *Package) bool { return p.DeclaredName == "" })
	slices.SortStableFunc(all, func(a, b *Package) int { return cmp.Compare(a.DeclaredName, b.DeclaredName) })
	return all
}

// Package is one member of a workspace.
type Package struct {
	// Name is the declared name, or the folder's path if none is declared. It can be
	// printed and kept: control characters and bytes that are not UTF-8 are escaped,
	// and a very long one ends in a hash. It is unique: of two packages with one name
	// the later by Dir gets " (Dir)" appended; the root gets it before any member
	// does.
	Name string
	// DeclaredName is the "name" of package.json, empty if there is none.
	DeclaredName string
	// Dir is the folder relative to the root, with forward slashes; "." is the root.
	Dir string
	// Path is the absolute folder.
	Path string
	// Version is the declared version, empty if there is none.
	Version string
	// private is true if package.json has "private" (true or "true").
	private bool
	// Scripts are the package's scripts by name: those of package.json, and what Declare adds.
	Scripts map[string]string
	// Dependencies are the edges to other members, ordered by To.Dir, then Kind.
	// An entry in two fields makes two edges, one that means the package itself
	// makes none.
	Dependencies []Dependency
	// Manifest is the text of package.json; nil for a Go package group.
	Manifest []byte

	declared map[string]string // the names that Declare was given, with what runs for each
}

// Declare adds a script that a task runner's file declares, in the place of one of that name
// in package.json. If text is that of another script there, runs is its name. Otherwise runs
// is empty, and the package manager does not know the script.
func (p *Package) Declare(name, text, runs string) {
	if p.declared == nil {
		p.declared = map[string]string{}
	}
	p.Scripts[name], p.declared[name] = text, runs
}

// Declared returns the script of package.json that runs under a name, and false if the name
// is not one that Declare was given.
func (p *Package) Declared(name string) (runs string, ok bool) {
	runs, ok = p.declared[name]
	return runs, ok
}

// Keys are what a configuration may call the package: its name, its folder, and
// for the root "//", as Turborepo does.
func (p *Package) Keys() []string {
	if p.Dir == "." {
		return []string{p.Name, p.Dir, "//"}
	}
	return []string{p.Name, p.Dir}
}

// Below returns the packages that the package depends on, directly or not.
func (p *Package) Below() (all []*Package) {
	seen := map[*Package]bool{p: true}
	for next := []*Package{p}; len(next) > 0; next = next[1:] {
		for _, d := range next[0].Dependencies {
			if !seen[d.To] {
				seen[d.To] = true
				next, all = append(next, d.To), append(all, d.To)
			}
		}
	}
	return all
}

// Kind is the field of package.json that holds a dependency.
type Kind int

// The kinds, in the order of packagejson.DependencyFields: from the one that
// binds most to the one that binds least.
const (
	Prod Kind = iota
	Optional
	Peer
	Dev
)

// String returns the name of the field in package.json.
func (k Kind) String() string { return packagejson.DependencyFields[k] }

// Dependency is an edge from a package to a member that it depends on.
type Dependency struct {
	To   *Package
	Kind Kind
	// Spec is the text in package.json, such as "workspace:^" or ">=1 <2".
	Spec string
}
