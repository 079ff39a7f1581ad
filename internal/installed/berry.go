package installed

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// berryPackage is an entry of a yarn.lock of yarn 2 and newer.
type berryPackage struct {
	Version, Resolution, Checksum, Conditions string
	Dependencies                              map[string]string
}

// What yarn 2 and newer write of what they installed, by the linker.
const (
	berryState = "node_modules/.yarn-state.yml"
	pnpFile    = ".pnp.cjs"
	pnpData    = ".pnp.data.json"
	berryStore = "node_modules/.store" // by the linker "pnpm"
	berryMap   = "node_modules/.package-map.json"
)

func (i *Installed) readBerry() contents {
	const lockFile = "yarn.lock"
	var lock map[string]*berryPackage
	if yaml.Unmarshal(i.text(lockFile), &lock) != nil {
		return i.whole(lockFile+" cannot be read", lockFile, berryState, pnpFile)
	}
	delete(lock, "__metadata")
	dropNil(lock)
	installed, from, err := i.berryInstalled()
	switch {
	case err != nil:
		return i.whole(from+" cannot be read", lockFile, from, pnpData)
	case from == berryStore:
		c := i.whole("yarn's pnpm linker writes no list of what it installed", lockFile, berryMap)
		c.state.Digest = fingerprint.Sum(c.state.Digest.String(), string(i.digests.Names(i.path(berryStore), nil)))
		return c
	case from == "":
		return unknown("there is neither " + berryState + " nor " + pnpFile + ": yarn install would make one")
	}

	g := i.newGraph()
	named := map[string][]*node{} // what a name can lead to if its range is not there
	built := map[string]*node{}   // patched packages, by what they are a patch of
	add := func(name, key string, n *node) {
		g.nodes[key] = n
		named[name] = append(named[name], n)
		if original, ok := patchOf(key); ok {
			built[original] = n
		}
	}
	bodies := map[*node]*berryPackage{}
	missing := map[*node]bool{}
	for _, keys := range sortedKeys(lock) {
		p := lock[keys]
		name, reference, _ := cutName(p.Resolution)
		n := g.links[strings.TrimPrefix(reference, "workspace:")]
		if !strings.HasPrefix(reference, "workspace:") {
			n = &node{name: name, version: p.Version, id: identity(p.Resolution, p.Checksum)}
			g.named[name+"@"+p.Version] = append(g.named[name+"@"+p.Version], n)
			switch {
			case i.locked != nil, installed[p.Resolution]:
			case p.Conditions != "":
				n = nil // it is for another system
			default:
				n.disagree("%s is not installed, and %s has it", p.Resolution, lockFile)
				missing[n] = true
			}
			if n != nil {
				bodies[n] = p
			}
		}
		for key := range strings.SplitSeq(keys, ", ") {
			name, _, _ := cutName(key)
			add(name, key, n)
		}
	}
	to := func(name, spec string) []*node {
		for _, key := range []string{name + "@" + spec, name + "@npm:" + spec} {
			if n, ok := built[key]; ok {
				return []*node{n}
			}
			if n, ok := g.nodes[key]; ok {
				return []*node{n}
			}
		}
		// Resolutions led it elsewhere. What is not installed is of other packages.
		there := slices.DeleteFunc(slices.Clone(named[name]), func(n *node) bool { return missing[n] })
		if len(there) > 0 {
			return there
		}
		return named[name]
	}
	connect := func(n *node, names map[string]string) {
		for _, name := range sortedKeys(names) {
			for _, found := range to(name, names[name]) {
				n.edges = append(n.edges, edge{name, found})
			}
		}
	}
	for n, p := range bodies {
		connect(n, p.Dependencies)
	}
	for _, p := range lock {
		_, reference, _ := cutName(p.Resolution)
		dir, ok := strings.CutPrefix(reference, "workspace:")
		if dir = path.Clean(dir); !ok || g.roots[dir] == nil || g.roots[dir].edges != nil {
			continue
		}
		connect(g.roots[dir], p.Dependencies)
		// The lock file does not tell which are devDependencies.
		others := map[string]string{}
		for name := range i.dependencies(dir, false) {
			if spec, ok := p.Dependencies[name]; ok {
				others[name] = spec
			}
		}
		connect(g.links[dir], others)
		for _, name := range sortedKeys(i.dependencies(dir, true)) {
			if _, ok := p.Dependencies[name]; !ok && !i.mayLack(dir, name, true) {
				g.roots[dir].disagree("%s is not in %s for %s", name, lockFile, dir)
			}
		}
	}
	return contents{graph: g}
}

// patchOf returns the key that the key of a patched package replaces:
// "ms@patch:ms@npm%3A2.1.2#~/.yarn/patches/ms.patch".
func patchOf(key string) (original string, ok bool) {
	_, spec, _ := cutName(key)
	spec, ok = strings.CutPrefix(spec, "patch:")
	if !ok {
		return "", false
	}
	spec, _, _ = strings.Cut(spec, "#")
	original, err := url.PathUnescape(spec)
	return original, err == nil
}

// berryInstalled returns the packages that are installed, as yarn.lock calls them, and the
// file that tells. from is empty if there is none.
func (i *Installed) berryInstalled() (installed map[string]bool, from string, err error) {
	if text := i.text(berryState); text != nil {
		var state map[string]yaml.Node
		err := yaml.Unmarshal(text, &state)
		installed := map[string]bool{}
		for locator := range state {
			installed[devirtualized(locator)] = true
		}
		return installed, berryState, err
	}
	if text := i.text(pnpFile); text != nil {
		installed, err := parsePnP(text, i.text(pnpData))
		return installed, pnpFile, err
	}
	if i.digests.Presence(i.path(berryStore)) != fingerprint.Absent {
		return nil, berryStore, nil
	}
	return nil, "", nil
}

// devirtualized is a locator without the virtual copy that yarn makes for each set of peers.
func devirtualized(locator string) string {
	name, reference, _ := cutName(locator)
	if rest, ok := strings.CutPrefix(reference, "virtual:"); ok {
		_, reference, _ = strings.Cut(rest, "#")
	}
	return name + "@" + reference
}

// pnpText finds the state in a .pnp.cjs: a text in single quotes.
var pnpText = regexp.MustCompile(`(?s)(?:RAW_RUNTIME_STATE\s*=\s*|JSON\.parse\()'((?:[^'\\]|\\.)*)'`)

// parsePnP returns the packages of a .pnp.cjs, whose state may be in a file of its own.
func parsePnP(program, data []byte) (map[string]bool, error) {
	if data == nil {
		found := pnpText.FindSubmatch(program)
		if found == nil {
			return nil, errors.New("it has no state that is known")
		}
		data = unescapeJS(found[1])
	}
	var state struct {
		PackageRegistryData [][2]json.RawMessage
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return nil, err
	}
	installed := map[string]bool{}
	for _, pkg := range state.PackageRegistryData {
		var name string
		var references [][2]json.RawMessage
		if err := errors.Join(json.Unmarshal(pkg[0], &name), json.Unmarshal(pkg[1], &references)); err != nil {
			return nil, err
		}
		for _, r := range references {
			var reference string
			if err := json.Unmarshal(r[0], &reference); err != nil {
				return nil, err
			}
			installed[devirtualized(name+"@"+reference)] = true
		}
	}
	return installed, nil
}

// unescapeJS reads the inside of a JavaScript text, in which yarn escapes quotes,
// backslashes and line ends only.
func unescapeJS(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for at := 0; at < len(text); at++ {
		if text[at] == '\\' && at+1 < len(text) {
			if at++; text[at] == '\n' {
				continue
			}
		}
		out = append(out, text[at])
	}
	return bytes.TrimSpace(out)
}
