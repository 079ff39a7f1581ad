package installed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pnpmLock is a pnpm-lock.yaml, or the one that pnpm writes of what it installed, from
// version 5 of the format (pnpm 3) to 9 (pnpm 9 to 12):
// https://github.com/pnpm/spec/tree/master/lockfile
type pnpmLock struct {
	Importers map[string]*pnpmImporter
	// Before version 9, a package is at once in Packages what it is and what it depends on.
	Packages, Snapshots map[string]*pnpmPackage
	pnpmImporter        `yaml:",inline"` // of the root, before there were workspaces
}

type pnpmImporter struct {
	Dependencies         map[string]pnpmRef
	OptionalDependencies map[string]pnpmRef `yaml:"optionalDependencies"`
	DevDependencies      map[string]pnpmRef `yaml:"devDependencies"`
}

type pnpmPackage struct {
	Resolution           map[string]any
	Optional             bool
	Name, Version        string // only if the key does not tell them
	Dependencies         map[string]string
	OptionalDependencies map[string]string `yaml:"optionalDependencies"`
}

// pnpmRef is what a name leads to: "1.0.0", "debug@4.3.4(supports-color@5.5.0)" or
// "link:../a".
type pnpmRef string

// UnmarshalYAML reads a text, or the "version" beside a "specifier".
func (r *pnpmRef) UnmarshalYAML(n *yaml.Node) error {
	var object struct{ Version string }
	if n.Kind == yaml.ScalarNode {
		*r = pnpmRef(n.Value)
		return nil
	}
	err := n.Decode(&object)
	*r = pnpmRef(object.Version)
	return err
}

const pnpmInstalled = "node_modules/.pnpm/lock.yaml"

func (i *Installed) readPNPM() contents {
	lockFile := i.ws.LockFile
	text, lockText := i.text(pnpmInstalled), []byte(nil)
	if lockFile != "" {
		lockText = i.text(lockFile)
	}
	installed, err := parsePNPM(text)
	if err != nil {
		return i.whole(pnpmInstalled+" cannot be read", pnpmInstalled, lockFile)
	}
	lock := installed
	if !bytes.Equal(text, lockText) {
		if lock, err = parsePNPM(lockText); err != nil {
			return i.whole(lockFile+" cannot be read", pnpmInstalled, lockFile)
		}
	}
	if text == nil {
		if len(lock.Packages) > 0 {
			return unknown("there is no " + pnpmInstalled + ": pnpm install would make it")
		}
		installed = lock
	}
	g := i.newGraph()
	for key, p := range installed.bodies() {
		name, version := pnpmName(key)
		about := installed.about(key)
		if about.Name != "" {
			name = about.Name
		}
		if about.Version != "" {
			version = about.Version
		}
		g.add(key, &node{name: name, version: version, id: identity(key, about.content())})
		n := g.nodes[key]
		switch then := lock.bodies()[key]; {
		case lockText == nil:
		case then == nil:
			n.disagree("%s is installed, and %s does not have it", key, lockFile)
		case lock.about(key).content() != about.content():
			n.disagree("%s has another content than in %s", key, lockFile)
		case !maps.Equal(p.Dependencies, then.Dependencies):
			n.disagree("%s depends on others than in %s", key, lockFile)
		}
	}
	for key, p := range installed.bodies() {
		n := g.nodes[key]
		all := map[string]string{}
		maps.Copy(all, p.Dependencies)
		maps.Copy(all, p.OptionalDependencies)
		n.connect(all, func(alias, ref string) *node { return g.pnpm(alias, ref, path.Clean(linkBase(key))) })
	}
	for dir, n := range g.roots {
		now, then := installed.importer(dir), lock.importer(dir)
		to := func(alias, ref string) *node { return g.pnpm(alias, ref, dir) }
		n.connect(now.names(true), to)
		g.links[dir].connect(now.names(false), to)
		if lockText != nil {
			n.compareImporters(now, then, installed.hasDev(), lockFile)
			g.links[dir].compareImporters(now, then, false, lockFile)
		}
	}
	return contents{graph: g}
}

// parsePNPM reads the last document of a lock file: from pnpm 11 on another one, on pnpm
// itself, can stand before it.
func parsePNPM(text []byte) (*pnpmLock, error) {
	found := &pnpmLock{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		next := &pnpmLock{}
		err := d.Decode(next)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		dropNil(next.Importers)
		dropNil(next.Packages)
		dropNil(next.Snapshots)
		found = next
	}
}

// bodies are what packages depend on.
func (l *pnpmLock) bodies() map[string]*pnpmPackage {
	if l.Snapshots != nil {
		return l.Snapshots
	}
	return l.Packages
}

// about is what a package is; it is never nil.
func (l *pnpmLock) about(key string) *pnpmPackage {
	p := l.Packages[key]
	if p == nil && l.Snapshots != nil {
		without, _, _ := strings.Cut(key, "(") // of its peers
		p = l.Packages[without]
	}
	if p == nil {
		p = &pnpmPackage{}
	}
	return p
}

// importer is what a package of the workspace depends on; it is never nil.
func (l *pnpmLock) importer(dir string) *pnpmImporter {
	if p := l.Importers[dir]; p != nil {
		return p
	}
	if dir == "." {
		return &l.pnpmImporter
	}
	return &pnpmImporter{}
}

// hasDev reports whether the devDependencies of any package are there.
func (l *pnpmLock) hasDev() bool {
	for _, p := range l.Importers {
		if len(p.DevDependencies) > 0 {
			return true
		}
	}
	return len(l.DevDependencies) > 0
}

func (p *pnpmImporter) names(itself bool) map[string]string {
	all := map[string]string{}
	fields := []map[string]pnpmRef{p.Dependencies, p.OptionalDependencies}
	if itself {
		fields = append(fields, p.DevDependencies)
	}
	for _, field := range fields {
		for name, ref := range field {
			all[name] = string(ref)
		}
	}
	return all
}

// compareImporters notes how what is installed for a package differs from the lock file.
// pnpm was free to leave out all devDependencies (--prod), and what is optional.
func (n *node) compareImporters(now, then *pnpmImporter, dev bool, lockFile string) {
	was, is := then.names(dev), now.names(dev)
	for _, name := range sortedKeys(was) {
		_, optional := then.OptionalDependencies[name]
		if is[name] != was[name] && (is[name] != "" || !optional) {
			n.disagree("%s", differ(name, nameVersion(name, is[name]), nameVersion(name, was[name]), lockFile))
		}
	}
	for _, name := range sortedKeys(is) {
		if _, ok := was[name]; !ok {
			n.disagree("%s", differ(name, nameVersion(name, is[name]), "", lockFile))
		}
	}
}

func nameVersion(name, ref string) string {
	if ref == "" {
		return ""
	}
	return name + " " + ref
}

// content is the checksum of a package, or else all that is said of where it is from.
func (p *pnpmPackage) content() string {
	if sum, ok := p.Resolution["integrity"].(string); ok {
		return sum
	}
	text, err := json.Marshal(p.Resolution) // with sorted keys
	if err != nil {
		return fmt.Sprint(p.Resolution)
	}
	return string(text)
}

// pnpm finds what a name leads to, in a folder. Each version of the format writes keys in
// its own way.
func (g *graph) pnpm(alias, ref, dir string) *node {
	if to, ok := strings.CutPrefix(ref, "link:"); ok {
		return g.links[path.Join(dir, to)]
	}
	for _, key := range []string{alias + "@" + ref, ref, "/" + alias + "@" + ref, "/" + alias + "/" + ref} {
		if n := g.nodes[key]; n != nil {
			return n
		}
	}
	return nil
}

// linkBase is the folder that a link of a package is relative to: its own, if it is a copy
// of a workspace's package ("a@file:packages/a"), else the root.
func linkBase(key string) string {
	_, dir, ok := strings.Cut(key, "file:")
	if !ok {
		return "."
	}
	dir, _, _ = strings.Cut(dir, "(")
	return dir
}

// pnpmName is the name and the version in a key: "debug@4.3.4(peer@1.0.0)",
// "/debug@4.3.4" or "/debug/4.3.4_peer@1.0.0".
func pnpmName(key string) (name, version string) {
	key, _, _ = strings.Cut(key, "(")
	key = strings.TrimPrefix(key, "/")
	if at := strings.Index(key[min(1, len(key)):], "@") + 1; at > 0 && !strings.Contains(key[:at], "_") && strings.Count(key[:at], "/") <= strings.Count(key[:1], "@") {
		return key[:at], key[at+1:]
	}
	name, version, _ = cutLast(strings.SplitN(key, "_", 2)[0], "/")
	return name, version
}
