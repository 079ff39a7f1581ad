package installed

import (
	"encoding/json"
	"maps"
	"path"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/pkgmanager"
)

// bunLock is a bun.lock: https://bun.com/docs/pm/lockfile. A package is a list: what it is,
// "name@version"; for some kinds an address; an object; for some a checksum.
type bunLock struct {
	Workspaces          map[string]struct{ Name string }
	Packages            map[string][]json.RawMessage // by place: "chalk/ansi-styles"
	PatchedDependencies map[string]string            // patch files by "name@version"
}

type bunPackage struct {
	Dependencies, OptionalDependencies, PeerDependencies map[string]string
	OptionalPeers                                        []string
	OS, CPU                                              any
}

// needs are the names of what the package depends on. Of some nothing has to be installed,
// although the lock file has it.
func (b *bunPackage) needs() (names map[string]string, mayLack map[string]bool) {
	names, mayLack = map[string]string{}, map[string]bool{}
	for _, name := range b.OptionalPeers {
		mayLack[name] = true
	}
	for name := range b.OptionalDependencies {
		mayLack[name] = true
	}
	for name := range b.Dependencies {
		delete(mayLack, name)
	}
	for _, field := range []map[string]string{b.PeerDependencies, b.OptionalDependencies, b.Dependencies} {
		maps.Copy(names, field)
	}
	return names, mayLack
}

const bunFile = "bun.lock"

func (i *Installed) readBun() contents {
	var lock bunLock
	text, err := hujson.Standardize(i.text(bunFile))
	if err != nil || json.Unmarshal(text, &lock) != nil {
		return i.whole("there is no "+bunFile+" that can be read", i.ws.LockFile)
	}
	g := i.newGraph()
	links := map[string]*node{} // by place
	bodies := map[string]bunPackage{}
	missing := map[*node]bool{} // nothing is installed for them
	var store map[string]bool
	if i.locked == nil {
		store = pkgmanager.BunStore(i.ws.Root)
	}
	for place, parts := range lock.Packages {
		var what, sum string
		var body bunPackage
		if len(parts) == 0 || json.Unmarshal(parts[0], &what) != nil {
			return i.whole(bunFile+" has an entry that is not known", bunFile)
		}
		name, version, _ := cutName(what)
		if dir, ok := strings.CutPrefix(version, "workspace:"); ok {
			links[place] = g.links[path.Clean(dir)]
			continue
		}
		for _, part := range parts[1:] {
			if len(part) > 0 && part[0] == '{' {
				if json.Unmarshal(part, &body) != nil {
					return i.whole(bunFile+" has an entry that is not known", bunFile)
				}
			}
		}
		_ = json.Unmarshal(parts[len(parts)-1], &sum) // not all kinds have one
		patch := ""
		if file := lock.PatchedDependencies[what]; file != "" {
			patch = string(i.digests.Content(i.path(file)))
		}
		n := &node{name: name, version: version, id: identity(what, sum, patch)}
		switch now := i.bunVersion(place, what, &lock, store); {
		case i.locked != nil, now == version, !plainVersion(version) && now != "":
		case now == "" && (body.OS != nil || body.CPU != nil):
			continue // it is for another system
		case now == "":
			n.disagree("%s is not installed, and %s has it", what, bunFile)
			missing[n] = true
		default:
			n.disagree("%s %s is installed, and %s has %s", name, now, bunFile, version)
		}
		g.add(place, n)
		bodies[place] = body
	}
	at := func(place string) *node {
		if n := links[place]; n != nil {
			return n
		}
		return g.nodes[place]
	}
	for place, body := range bodies {
		names, mayLack := body.needs()
		g.nodes[place].connect(names, func(name, _ string) *node {
			to := bunResolve(at, place, name)
			if missing[to] && mayLack[name] {
				return nil
			}
			return to
		})
	}
	for _, pkg := range i.ws.All() {
		connect := func(n *node, itself bool) {
			n.connect(i.dependencies(pkg.Dir, itself), func(name, _ string) *node {
				to, needed := bunResolve(at, pkg.DeclaredName, name), !i.mayLack(pkg.Dir, name, itself)
				switch {
				case to == nil && needed:
					n.disagree("%s is not in %s for %s", name, bunFile, pkg.Dir)
				case missing[to] && !needed:
					return nil
				}
				return to
			})
		}
		connect(g.roots[pkg.Dir], true)
		connect(g.links[pkg.Dir], false)
	}
	return contents{graph: g}
}

// bunResolve finds what the package at a place gets for a name.
func bunResolve(at func(string) *node, place, name string) *node {
	for place != "" {
		if n := at(place + "/" + name); n != nil {
			return n
		}
		place, _ = bunParent(place)
	}
	return at(name)
}

// bunParent splits "a/@b/c" into "a" and "@b/c".
func bunParent(place string) (parent, name string) {
	before, last, ok := cutLast(place, "/")
	if !ok {
		return "", place
	}
	above, scope, ok := cutLast(before, "/")
	if strings.HasPrefix(scope, "@") {
		if !ok {
			above = ""
		}
		return above, scope + "/" + last
	}
	return before, last
}

// plainVersion reports whether it is one of a registry, not of Git or a file.
func plainVersion(version string) bool { return !strings.ContainsAny(version, ":/#") }

// bunVersion is the version that is installed at a place; empty if there is none. bun keeps
// no list of what it installed, so its folders tell.
func (i *Installed) bunVersion(place, what string, lock *bunLock, store map[string]bool) string {
	_, name := bunParent(place)
	declared, version, _ := cutName(what)
	if store != nil {
		if store[strings.ReplaceAll(what, "/", "+")] {
			return version
		}
		return ""
	}
	dir := "node_modules/" + name
	for parent := place; ; {
		if parent, _ = bunParent(parent); parent == "" {
			break
		}
		if home, ok := lock.home(parent); ok {
			dir = path.Join(home, dir)
			break
		}
		_, above := bunParent(parent)
		dir = path.Join("node_modules", above, dir)
	}
	var own struct{ Name, Version string }
	if json.Unmarshal(folder.Read(i.ws.Root, path.Join(dir, "package.json")), &own) != nil || own.Name != declared {
		return ""
	}
	return own.Version
}

// home is the folder of the package of the workspace with that name.
func (l *bunLock) home(name string) (dir string, ok bool) {
	for dir, w := range l.Workspaces {
		if w.Name == name {
			return dir, true
		}
	}
	return "", false
}
