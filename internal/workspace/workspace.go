// Package workspace finds a monorepo and reads its packages: which folders are
// members, what each is called, which scripts it has, and which other members
// it depends on. It reads files only; it never starts a package manager.
package workspace

import "github.com/heapmage/heapmage/internal/problem"

// Manager is the tool that a workspace declares for its packages.
type Manager string

// The managers that are known.
const (
	NPM  Manager = "npm"
	PNPM Manager = "pnpm"
	Yarn Manager = "yarn" // classic (1) and Berry (2 and newer): see ManagerVersion
	Bun  Manager = "bun"
	Go   Manager = "go" // a Go module or go.work without a package.json
)

// Workspace is a monorepo: a root folder and its packages.
type Workspace struct {
	// Root is the absolute path of the root folder, symbolic links resolved.
	Root string
	// Manager is the package manager that the workspace declares.
	Manager Manager
	// ManagerVersion is the declared version such as "9.1.0", without hash;
	// empty where none is declared or implied.
	ManagerVersion string
	// ManagerFrom says which file decided the manager, for messages.
	ManagerFrom string
	// LockFile is the name of the manager's lock file in Root, empty where there is none.
	LockFile string
	// PnP is true where Yarn Plug'n'Play is in use: .pnp.cjs is there, or
	// .yarnrc.yml says "nodeLinker: pnp".
	PnP bool
	// Packages are the members, ordered by Dir. A repository without members is
	// one package: its root. Where the manager counts the root as a member
	// (pnpm, yarn Berry), it is among them.
	Packages []*Package
	// RootPackage is the package at Root, a member or not.
	RootPackage *Package
	// Warnings are oddities that were passed over, one sentence each.
	Warnings []string
}

// Package is one member of a workspace.
type Package struct {
	// Name is the declared name; the folder's path where none is declared.
	// Two packages never share a Name: the later one by Dir gets " (Dir)"
	// appended, and the root before any member.
	Name string
	// DeclaredName is the "name" of package.json, empty where there is none.
	DeclaredName string
	// Dir is the folder relative to the root, with forward slashes; "." is the root.
	Dir string
	// Path is the absolute folder.
	Path string
	// Version is the declared version, empty where there is none.
	Version string
	// Private tells whether package.json says "private" (true or "true").
	Private bool
	// Scripts are the package's scripts by name.
	Scripts map[string]string
	// Dependencies are the edges to other members, ordered by To.Dir, then Kind.
	// An entry in two fields is two edges; one that means the package itself is none.
	Dependencies []Dependency
	// Manifest is the text of package.json; nil for a Go package group.
	Manifest []byte
}

// Keys are what a configuration may call the package: its name, its folder, and
// for the root "//", as Turborepo does.
func (p *Package) Keys() []string {
	if p.Dir == "." {
		return []string{p.Name, p.Dir, "//"}
	}
	return []string{p.Name, p.Dir}
}

// Kind says in which field of package.json a dependency stands.
type Kind int

// The kinds, from the one that binds most to the one that binds least.
const (
	Prod Kind = iota
	Optional
	Peer
	Dev
)

// String returns the name of the field in package.json.
func (k Kind) String() string {
	return [...]string{"dependencies", "optionalDependencies", "peerDependencies", "devDependencies"}[k]
}

// Dependency is an edge from a package to a member that it depends on.
type Dependency struct {
	To   *Package
	Kind Kind
	// Spec is what package.json says, such as "workspace:^" or ">=1 <2".
	Spec string
}

var _ error = (*problem.Error)(nil) // every error of Load and Select is one
