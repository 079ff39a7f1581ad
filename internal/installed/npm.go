package installed

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
)

// npmLock is a package-lock.json, or the one in node_modules that npm writes of what it
// installed there: https://docs.npmjs.com/cli/configuring-npm/package-lock-json
type npmLock struct {
	Packages map[string]*npmPackage // by where they are, "" is the root
}

type npmPackage struct {
	Name, Version, Resolved, Integrity     string
	Link, Dev, Optional, DevOptional, Peer bool
	Dependencies, OptionalDependencies     map[string]string
	PeerDependencies                       map[string]string
}

const (
	npmInstalled = "node_modules/.package-lock.json"
	modules      = "node_modules/"
)

func (i *Installed) readNPM() contents {
	lockFile := i.ws.LockFile
	var lock, installed npmLock
	locked := lockFile != ""
	if locked && (json.Unmarshal(i.text(lockFile), &lock) != nil || lock.Packages == nil) {
		return i.whole(lockFile+" has no list of packages by folder", lockFile, npmInstalled)
	}
	dropNil(lock.Packages)
	if text := i.text(npmInstalled); text != nil {
		if json.Unmarshal(text, &installed) != nil || installed.Packages == nil {
			return i.whole(npmInstalled+" cannot be read", lockFile, npmInstalled)
		}
	} else if lock.needsModules() {
		return unknown("there is no " + npmInstalled + ": npm install would make it")
	}

	dropNil(installed.Packages)
	g := i.newGraph()
	for at, p := range installed.Packages {
		if !p.Link && at != "" && g.roots[at] == nil {
			name := p.Name
			if name == "" {
				name = nameIn(at)
			}
			g.add(at, &node{name: name, version: p.Version, id: identity(name, p.Version, p.content())})
		}
	}
	if locked {
		lock.leaveOut(&installed)
	}
	connect := func(n *node, at string, names map[string]string) {
		n.connect(names, func(alias, _ string) *node {
			now := installed.resolve(at, alias)
			if then := lock.resolve(at, alias); locked && then != now {
				n.disagree("%s", differ(alias, now, then, lockFile))
			}
			if to := g.nodes[now]; to != nil {
				return to
			}
			return g.links[now]
		})
	}
	for at, n := range g.nodes {
		p := installed.Packages[at]
		if locked {
			n.compare(at, p, lock.Packages[at], lockFile)
		}
		connect(n, at, p.dependencies())
	}
	for dir := range g.roots {
		connect(g.roots[dir], dir, i.dependencies(dir, true))
		connect(g.links[dir], dir, i.dependencies(dir, false))
	}
	return contents{graph: g}
}

// needsModules reports whether anything has to be installed.
func (l *npmLock) needsModules() bool {
	for at, p := range l.Packages {
		if !p.Link && strings.Contains(at, modules) {
			return true
		}
	}
	return false
}

// content is what tells one build of a version from another: a checksum, or else the
// commit or the file that it is from.
func (p *npmPackage) content() string {
	if p.Integrity != "" {
		return p.Integrity
	}
	if strings.HasPrefix(p.Resolved, "http") {
		return "" // the same package has another address behind each mirror
	}
	return p.Resolved
}

func (p *npmPackage) dependencies() map[string]string {
	all := maps.Clone(p.Dependencies)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, p.PeerDependencies)
	maps.Copy(all, p.OptionalDependencies)
	return all
}

// resolve finds what a package at a place gets for a name, as Node does. A link stands for
// where it leads. It is empty if there is nothing.
func (l *npmLock) resolve(at, name string) string {
	for {
		if path.Base(at) != "node_modules" {
			place := path.Join(at, modules, name)
			if p := l.Packages[place]; p != nil {
				if p.Link {
					return p.Resolved
				}
				return place
			}
		}
		if at == "." || at == "" || at == ".." || at == "/" {
			return ""
		}
		at = path.Dir(at)
	}
}

// leaveOut removes what npm was free not to install: optional packages, and all for
// development, or all peers, if there are none of them (--omit).
func (l *npmLock) leaveOut(installed *npmLock) {
	var dev, peer bool
	for _, p := range installed.Packages {
		dev, peer = dev || p.Dev, peer || p.Peer
	}
	maps.DeleteFunc(l.Packages, func(at string, p *npmPackage) bool {
		free := p.Optional || p.DevOptional || p.Dev && !dev || p.Peer && !peer
		return free && installed.Packages[at] == nil
	})
}

// compare notes how an installed package differs from that of the lock file.
func (n *node) compare(at string, now, then *npmPackage, lockFile string) {
	switch {
	case then == nil:
		n.disagree("%s is installed, and %s does not have it", at, lockFile)
	case then.Version != now.Version:
		n.disagree("%s is %s, and %s has %s", at, now.Version, lockFile, then.Version)
	case then.Integrity != "" && now.Integrity != "" && then.Integrity != now.Integrity:
		n.disagree("%s has another content than in %s", at, lockFile)
	}
}

// differ words that a name leads elsewhere than the lock file says.
func differ(alias, now, then, lockFile string) string {
	switch "" {
	case now:
		return alias + " is not installed, and " + lockFile + " has it"
	case then:
		return now + " is installed, and " + lockFile + " does not have it"
	}
	return now + " is installed, and " + lockFile + " has " + then
}

// dropNil removes what is null in a file.
func dropNil[V any](m map[string]*V) {
	maps.DeleteFunc(m, func(_ string, v *V) bool { return v == nil })
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
