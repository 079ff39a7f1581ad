// Package pkgmanager finds which package manager a repository uses, and what the
// manager's own files say about workspaces. It reads files and starts no program.
package pkgmanager

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/npmconfig"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/problem"
)

// Name is the name of a package manager.
type Name string

// The package managers that are known.
const (
	NPM  Name = "npm"
	PNPM Name = "pnpm"
	Yarn Name = "yarn" // yarn 1 and Berry (2 and newer): see Manager.Berry
	Bun  Name = "bun"
)

// Manager is what a root folder says about its package manager.
type Manager struct {
	Name Name
	// Version is such as "9.1.0", or only a major version if a lock file implies
	// it; empty if it is not known.
	Version string
	// From is what decided the manager, for messages.
	From string
	// Declared is set if "packageManager" in package.json decided the version.
	Declared bool
	// YarnFile is the absolute path of a checked-in yarn, empty if there is none.
	YarnFile string
	// LockFile is the name of the manager's lock file, empty if there is none.
	LockFile string
	// Berry is true for yarn 2 and newer.
	Berry bool
	// Warnings are contradictions that were resolved, one sentence each.
	Warnings []string
	// PNPM is pnpm-workspace.yaml, YarnRC .yarnrc.yml; nil if there is none.
	PNPM, YarnRC *Settings

	npm *npmconfig.Config // what pnpm reads of npm's settings; nil for other managers
}

// lockFiles are the names of lock files. If a repository has several and
// declares no manager, the first one counts. npm's are last: they are the ones
// that are left over or made by accident.
var lockFiles = []struct {
	file    string
	manager Name
}{
	{"pnpm-lock.yaml", PNPM},
	{"yarn.lock", Yarn},
	{"bun.lock", Bun},
	{"bun.lockb", Bun},
	{"npm-shrinkwrap.json", NPM},
	{"package-lock.json", NPM},
}

// HasLockFile reports whether a folder holds the lock file of any manager.
func HasLockFile(dir string) bool {
	for _, l := range lockFiles {
		if folder.HasFile(dir, l.file) {
			return true
		}
	}
	return false
}

// Detect finds the package manager of a root folder, whose package.json is own
// (nil if there is none). A declaration in package.json goes before yarnPath,
// and that before lock files. Its errors are mistakes in settings files, each a
// *problem.Error.
func Detect(root string, own *packagejson.Manifest) (Manager, error) {
	var m Manager
	yarnrc, err := readFile(root, ".yarnrc")
	if err != nil {
		return m, err
	}
	if m.PNPM, err = ReadSettings(root, PNPMFile); err != nil {
		return m, err
	}
	if m.YarnRC, err = ReadSettings(root, BerryFile); err != nil {
		return m, err
	}

	locks := map[Name]string{}
	var order []Name
	for _, l := range lockFiles {
		if _, known := locks[l.manager]; !known && folder.HasFile(root, l.file) {
			locks[l.manager] = l.file
			order = append(order, l.manager)
		}
	}

	m.declared(own)
	m.yarnPath(root, yarnrc)
	switch {
	case m.Name != "":
	case m.PNPM != nil && m.PNPM.HasPackages:
		m.Name, m.From = PNPM, PNPMFile
	case len(order) > 0:
		m.Name, m.From = order[0], locks[order[0]]
	case m.PNPM != nil:
		m.Name, m.From = PNPM, PNPMFile
	case m.YarnRC != nil:
		m.Name, m.From = Yarn, ".yarnrc.yml"
	default:
		m.Name, m.From = NPM, "package.json"
	}
	m.LockFile = locks[m.Name]
	for _, other := range order {
		if other != m.Name {
			m.warn("%s is a lock file of %s, but %s says %s: %s is used", locks[other], other, m.From, m.Name, m.Name)
		}
	}
	if m.Version == "" {
		m.Version = impliedVersion(root, m)
	}
	m.Berry = m.Name == Yarn && Major(m.Version) >= 2
	if m.Name == PNPM && Major(m.Version) < 11 {
		m.npm, err = npmconfig.Read(npmconfig.Place{Root: root, Environ: os.Environ()})
	}
	return m, err
}

func (m *Manager) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}

// declared reads "packageManager", then "devEngines".
func (m *Manager) declared(own *packagejson.Manifest) {
	if own == nil {
		return
	}
	var text string
	if own.Decode("packageManager", &text) && text != "" {
		name, version, _ := strings.Cut(text, "@")
		version, _, _ = strings.Cut(version, "+")
		if known(name) {
			m.Name, m.Version, m.From, m.Declared = Name(name), exactVersion(version), `"packageManager" in package.json`, true
			return
		}
		m.warn(`"packageManager" in package.json names %q, which is not known: it is ignored`, text)
	}
	for _, e := range engines(own) {
		if known(e.Name) {
			m.Name, m.Version, m.From = Name(e.Name), exactVersion(e.Version), `"devEngines" in package.json`
			return
		}
	}
}

type engine struct{ Name, Version string }

// engines are the package managers of "devEngines", which is one or a list.
func engines(own *packagejson.Manifest) []engine {
	var field struct{ PackageManager json.RawMessage }
	if !own.Decode("devEngines", &field) {
		return nil
	}
	var all []engine
	if json.Unmarshal(field.PackageManager, &all) == nil {
		return all
	}
	var one engine
	if json.Unmarshal(field.PackageManager, &one) != nil {
		return nil
	}
	return []engine{one}
}

func known(name string) bool {
	switch Name(name) {
	case NPM, PNPM, Yarn, Bun:
		return true
	}
	return false
}

// yarnPath lets a checked-in yarn decide: yarn 1 hands over to it, whatever
// version package.json declares.
func (m *Manager) yarnPath(root string, yarnrc []byte) {
	path, file := "", BerryFile
	if m.YarnRC != nil {
		path = m.YarnRC.YarnPath
	}
	if path == "" {
		path, file = setting(yarnrc, "yarn-path"), ".yarnrc"
	}
	if path == "" {
		return
	}
	version := releaseVersion(path)
	switch {
	case m.Name == "":
		m.Name, m.Version, m.From = Yarn, version, "yarnPath in "+file
	case m.Name != Yarn:
		m.warn("%s has a yarnPath, but %s says %s: %s is used", file, m.From, m.Name, m.Name)
	case version != "" && m.Version != "" && version != m.Version:
		m.warn("%s says yarn %s, but yarnPath in %s is yarn %s: %s is used", m.From, m.Version, file, version, version)
		m.Version, m.From = version, "yarnPath in "+file
	case m.Version == "":
		m.Version = version
	}
	if m.Name != Yarn {
		return
	}
	if m.YarnFile = path; !filepath.IsAbs(path) {
		m.YarnFile = filepath.Join(root, path)
	}
}

// ReadSettings reads a settings file, nil if there is none. The error is a *problem.Error.
func ReadSettings(root, file string) (*Settings, error) {
	text, err := readFile(root, file)
	if text == nil {
		return nil, err
	}
	s, mistake := parseSettings(text)
	if mistake != nil {
		return nil, &problem.Error{Where: mistake.In(file), What: mistake.What, Hint: "fix " + file}
	}
	s.file = file
	return s, nil
}

// readFile reads a settings file, nil if there is none.
func readFile(root, file string) ([]byte, error) {
	text, err := folder.ReadFile(filepath.Join(root, file))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, &problem.Error{Where: file, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	return text, nil
}
