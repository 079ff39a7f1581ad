// Package managerprogram finds the program of a package manager on this machine: the one
// that the repository carries (yarnPath), that is on PATH, that Corepack keeps or that is
// installed globally. It reads files, starts nothing and fetches nothing.
package managerprogram

import (
	"fmt"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
)

// Wanted is the manager of a repository.
type Wanted struct {
	Name pkgmanager.Name
	// Version is the declared or implied version, such as "9.1.0" or "9"; empty if it is
	// not known. From is what decided it, for messages.
	Version, From string
	// Declared is set if the version is declared, rather than implied by a lock file.
	Declared bool
	// YarnPath is the absolute path of a checked-in yarn; empty if there is none.
	YarnPath string
	// Node is the node program, empty if there is none.
	Node    string
	Environ []string
}

// Program is a manager's program.
type Program struct {
	// Args start it.
	Args []string
	// File is the program's own file, empty if it is not known.
	File string
	// Version is its version, empty if it is not known.
	Version string
	// OnPath is set if its plain name starts it.
	OnPath bool
}

// Find returns the program of the manager. It has the major version that is declared, if
// one is: npm passes over a declaration, and pnpm 10 and newer run the declared version
// themselves. The error is a *problem.Error.
func Find(w Wanted) (Program, error) {
	if p, ok := w.carried(); ok {
		return p, nil
	}
	onPath := w.onPath()
	if len(onPath) > 0 && w.serves(onPath[0]) {
		return onPath[0], nil
	}
	kept := w.kept()
	for _, p := range append(onPath, kept...) {
		if p.Version != "" && w.fits(p) {
			p.OnPath = false
			return p, nil
		}
	}
	if len(onPath) > 0 {
		return Program{}, w.mismatch(onPath[0])
	}
	return w.fetched()
}

// serves reports whether a program on PATH can be used as it is.
func (w Wanted) serves(p Program) bool {
	switch {
	case w.fits(p), w.Name == pkgmanager.NPM:
		return true
	case w.Name == pkgmanager.PNPM && pkgmanager.Major(p.Version) >= 10:
		return true
	}
	return false
}

// fits reports whether a program has the wanted major version, as far as both are known.
func (w Wanted) fits(p Program) bool {
	if p.Version == missing {
		return false
	}
	major := pkgmanager.Major(w.Version)
	// No yarn reads the lock file of the other kind.
	strict := w.Declared || w.Name == pkgmanager.Yarn
	return !strict || major == 0 || p.Version == "" || pkgmanager.Major(p.Version) == major
}

// carried is the yarn that the repository carries.
func (w Wanted) carried() (Program, bool) {
	if w.YarnPath == "" || w.Node == "" || !folder.HasFile(filepath.Split(w.YarnPath)) {
		return Program{}, false
	}
	return Program{Args: []string{w.Node, w.YarnPath}, File: w.YarnPath, Version: w.Version}, true
}

// fetched is a program that is not there yet: Corepack or npx bring it when it is started.
func (w Wanted) fetched() (Program, error) {
	if path := environ.Program(w.Environ, "corepack"); path != "" && w.Name != pkgmanager.Bun {
		return Program{Args: []string{path, string(w.Name)}}, nil
	}
	npx := environ.Program(w.Environ, "npx")
	if npx == "" {
		return Program{}, &problem.Error{Where: w.From, What: fmt.Sprintf("asks for %s, which is not installed", w.Name),
			Hint: fmt.Sprintf("install %s, or run: corepack enable", w.Name)}
	}
	spec := string(w.Name)
	switch {
	case w.isBerry():
		spec = "@yarnpkg/cli-dist"
	case w.Version != "":
		spec += "@" + w.Version
	}
	return Program{Args: []string{npx, "--yes", spec}}, nil
}

func (w Wanted) mismatch(p Program) error {
	there := fmt.Sprintf("%s %s is on PATH", w.Name, p.Version)
	if p.Version == missing {
		there = "Corepack does not have it yet"
	}
	return &problem.Error{
		Where: w.From, What: fmt.Sprintf("asks for %s %s, but %s", w.Name, w.Version, there),
		Hint: "run: " + w.Command(),
	}
}

// Command brings the wanted version, in the words of a shell.
func (w Wanted) Command() string {
	if environ.Program(w.Environ, "corepack") != "" && w.Name != pkgmanager.Bun {
		return fmt.Sprintf("corepack install -g %s@%s", w.Name, w.Version)
	}
	if w.isBerry() {
		return "npm install -g corepack && corepack install -g yarn@" + w.Version
	}
	return fmt.Sprintf("npm install -g %s@%s", w.Name, w.Version)
}

// Prefix is the folder of what npm installs globally unless a setting names another: the one
// above that of the node program. It is empty without a node program.
func Prefix(node string) string {
	if node == "" {
		return ""
	}
	return filepath.Dir(filepath.Dir(node))
}
