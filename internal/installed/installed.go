// Package installed tells what is installed for a package of a workspace: its closure of
// dependencies, each with its content and its patches, as a digest. It reads what the
// package managers wrote, and trusts them: a file that was edited by hand in node_modules
// is not seen.
//
// Digests hold no paths, so that they are equal in every clone. A change of one dependency
// changes the digests of the packages that reach it, and no others.
package installed

import (
	"cmp"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/workspace"
)

// State is what is installed for a package.
type State struct {
	// Digest changes with what is installed. The zero value means that it is not known.
	Digest fingerprint.Digest
	// Whole is why the digest stands for all that is installed in the workspace. Empty
	// means that it stands for the closure of the package.
	Whole string
	// Stale tells how what is installed disagrees with the lock file, or that it is not
	// known. No result may be kept then. Empty means that they agree.
	Stale string
}

// Installed is what is installed in a workspace. Files are read when the first question is
// asked. It may be used by several goroutines.
type Installed struct {
	project
	notes   *fingerprint.Notes
	answers func() answers

	mu sync.Mutex       // guards at
	at map[string]State // by the folder of a package in node_modules
}

// project is what a reader of lock files needs to know.
type project struct {
	ws        *workspace.Workspace
	digests   *fingerprint.Digests
	manifests func() map[string]*packagejson.Manifest // by Dir of a package
	// locked is a lock file's text: what it has counts as installed. Nil means that what is
	// installed is looked at.
	locked []byte
}

// contents is what a reader found. If graph is nil, state holds for all packages.
type contents struct {
	graph *graph
	state State
}

// answers are what is kept for later runs.
type answers struct {
	All   *State           `json:",omitempty"` // for all packages, if closures are not known
	Roots map[string]State // by Dir of a package
	Named map[string]State // by "name@version"
}

// notesVersion changes with the answers to the same files.
const notesVersion = "installed 2"

// New is what is installed in a workspace. What was found out is kept in a file of a
// folder of its root, which is named with slashes: a later run reads the lock files again
// only if they or a package.json have changed.
func New(ws *workspace.Workspace, digests *fingerprint.Digests, folder, name string) *Installed {
	i := &Installed{project: project{ws: ws, digests: digests, manifests: manifestsOf(ws)}, at: map[string]State{}}
	i.notes = fingerprint.OpenNotes(ws.Root, folder, name, notesVersion, 4)
	i.answers = sync.OnceValue(i.answer)
	return i
}

// manifestsOf parses when it is first asked: most runs find their answers without.
func manifestsOf(ws *workspace.Workspace) func() map[string]*packagejson.Manifest {
	return sync.OnceValue(func() map[string]*packagejson.Manifest {
		manifests := map[string]*packagejson.Manifest{}
		for _, pkg := range ws.All() {
			if m, mistake := packagejson.Parse(pkg.Manifest); mistake == nil {
				manifests[pkg.Dir] = m
			}
		}
		return manifests
	})
}

// Save keeps what was found out for later runs, as Digests.Save does.
func (i *Installed) Save() error { return i.notes.Save() }

// answer takes the answers from an earlier run, or reads the files.
func (i *Installed) answer() (a answers) {
	key := i.key()
	if text, ok := i.notes.Of(key); ok && json.Unmarshal([]byte(text), &a) == nil {
		return a
	}
	a = i.read()
	// bun keeps no list of what it installed, so its folders are looked at each time.
	if text, err := json.Marshal(a); err == nil && i.ws.Manager != workspace.Bun {
		i.notes.Add(key, string(text))
	}
	return a
}

// key changes with all that the answers are made of.
func (i *Installed) key() fingerprint.Digest {
	parts := []string{string(i.ws.Manager), i.ws.ManagerVersion, i.ws.LockFile}
	for _, name := range []string{i.ws.LockFile, npmInstalled, pnpmInstalled, yarnInstalled, berryState, pnpFile, pnpData, berryMap} {
		parts = append(parts, string(i.digests.Content(i.path(name))))
	}
	parts = append(parts, string(i.digests.Names(i.path(berryStore), nil)))
	for _, pkg := range i.ws.All() {
		parts = append(parts, pkg.Dir, pkg.DeclaredName, string(pkg.Manifest))
	}
	for _, p := range i.patches() {
		parts = append(parts, p.name, p.text)
	}
	return fingerprint.Sum(parts...)
}

func (i *Installed) read() answers {
	read := map[workspace.Manager]func() contents{
		workspace.NPM: i.readNPM, workspace.PNPM: i.readPNPM, workspace.Yarn: i.readYarn1, workspace.Bun: i.readBun,
	}[i.ws.Manager]
	if i.ws.Manager == workspace.Yarn && (i.ws.Berry() || i.isBerryLock()) {
		read = i.readBerry
	}
	if read == nil { // a Go module
		return answers{All: &State{Digest: fingerprint.Sum("nothing is installed")}}
	}
	c := read()
	if c.graph == nil {
		return answers{All: &c.state}
	}
	c.graph.patch(i.patches())
	c.graph.digest()
	a := answers{Roots: map[string]State{}, Named: map[string]State{}}
	for dir, n := range c.graph.roots {
		a.Roots[dir] = State{Digest: n.digest, Stale: n.stale}
	}
	for name, nodes := range c.graph.named {
		a.Named[name] = together(nodes)
	}
	return a
}

// together is the state of several copies of a version, which can differ in what they
// depend on.
func together(nodes []*node) (s State) {
	var digests []string
	for _, n := range nodes {
		digests = append(digests, n.digest.String())
		s.Stale = cmp.Or(s.Stale, n.stale)
	}
	slices.Sort(digests)
	s.Digest = fingerprint.Sum(slices.Compact(digests)...)
	return s
}

// Of returns what is installed for the package in a folder, which is relative to the root
// and has slashes, as Package.Dir.
func (i *Installed) Of(dir string) State {
	a := i.answers()
	if a.All != nil {
		return *a.All
	}
	if s, ok := a.Roots[dir]; ok {
		return s
	}
	return State{Stale: dir + " is not in " + i.ws.LockFile}
}

// At returns what is installed in the package of node_modules to which an absolute path
// belongs, with its closure. It is for files that a task reads although its package does
// not depend on them. ok is false if the path is in none.
func (i *Installed) At(path string) (s State, dir string, ok bool) {
	dir, ok = packageFolder(filepath.ToSlash(path))
	if !ok {
		return State{}, "", false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	s, known := i.at[dir]
	if !known {
		s = i.in(dir)
		i.at[dir] = s
	}
	return s, dir, true
}

// in is At for the folder of a package.
func (i *Installed) in(dir string) State {
	a := i.answers()
	if a.All != nil {
		return *a.All
	}
	var own struct{ Name, Version string }
	if json.Unmarshal(folder.Read(filepath.FromSlash(dir), "package.json"), &own) != nil {
		return State{Stale: "node_modules/" + nameIn(dir) + " has no package.json"}
	}
	if s, ok := a.Named[own.Name+"@"+own.Version]; ok {
		return s
	}
	return State{Stale: "node_modules holds " + own.Name + " " + own.Version + ", and " + i.ws.LockFile + " does not"}
}

// packageFolder cuts a path in a node_modules down to the package's folder there.
func packageFolder(path string) (dir string, ok bool) {
	const modules = "/node_modules/"
	at := strings.LastIndex(path, modules)
	if at < 0 {
		return "", false
	}
	at += len(modules)
	name, rest, _ := strings.Cut(path[at:], "/")
	if strings.HasPrefix(name, "@") {
		second, _, _ := strings.Cut(rest, "/")
		if second == "" {
			return "", false
		}
		name += "/" + second
	}
	if name == "" || name[0] == '.' { // .bin, .cache, .pnpm
		return "", false
	}
	return path[:at] + name, true
}

// nameIn is the name of a package by its folder in a node_modules.
func nameIn(dir string) string {
	_, name, _ := cutLast(dir, "node_modules/")
	return name
}

func cutLast(s, sep string) (before, after string, found bool) {
	if at := strings.LastIndex(s, sep); at >= 0 {
		return s[:at], s[at+len(sep):], true
	}
	return s, s, false
}

// whole is the fallback if closures cannot be told: files that hold all of it.
func (p *project) whole(why string, files ...string) contents {
	parts := []string{"whole"}
	for _, name := range files {
		parts = append(parts, name, string(p.digests.Content(p.path(name))))
	}
	return contents{state: State{Digest: fingerprint.Sum(parts...), Whole: why}}
}

// unknown is what is said if it is not known what is installed.
func unknown(why string) contents { return contents{state: State{Stale: why}} }

// path is the absolute path of a file that is named relative to the root.
func (p *project) path(name string) string {
	return filepath.Join(p.ws.Root, filepath.FromSlash(name))
}

// text reads a file, nil if there is none.
func (p *project) text(name string) []byte {
	if p.locked != nil {
		return p.lockedText(name)
	}
	return folder.Read(p.ws.Root, filepath.FromSlash(name))
}

// dependencies are the names of what a package depends on: also of what it needs only
// itself, or only what those need who depend on it.
func (p *project) dependencies(dir string, itself bool) map[string]string {
	all := map[string]string{}
	m := p.manifests()[dir]
	if m == nil {
		return all
	}
	for _, k := range []workspace.Kind{workspace.Peer, workspace.Dev, workspace.Optional, workspace.Prod} { // the last one counts
		if k != workspace.Dev || itself {
			maps.Copy(all, m.Dependencies[k])
		}
	}
	return all
}

// mayLack reports whether nothing has to be installed for a name that the package depends
// on: it is optional, or whoever depends on the package installs it. itself is as for
// dependencies.
func (p *project) mayLack(dir, name string, itself bool) bool {
	m := p.manifests()[dir]
	if m == nil {
		return true
	}
	_, dev := m.Dependencies[workspace.Dev][name]
	_, prod := m.Dependencies[workspace.Prod][name]
	return !(dev && itself) && !prod
}
