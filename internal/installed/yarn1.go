package installed

import (
	"encoding/json"
	"strings"
)

// yarnInstalled is what yarn 1 writes of what it installed.
const yarnInstalled = "node_modules/.yarn-integrity"

func (i *Installed) isBerryLock() bool {
	return strings.Contains(string(i.text("yarn.lock")), "__metadata:")
}

func (i *Installed) readYarn1() contents {
	lockFile := i.ws.LockFile
	if lockFile == "" {
		return i.whole("there is no yarn.lock", yarnInstalled)
	}
	lock, ok := parseYarn1(string(i.text(lockFile)))
	if !ok {
		return i.whole(lockFile+" cannot be read", lockFile, yarnInstalled)
	}
	var installed struct{ LockfileEntries map[string]string }
	text := i.text(yarnInstalled)
	switch {
	case text == nil && len(lock) > 0:
		return unknown("there is no " + yarnInstalled + ": yarn install would make it")
	case text != nil && json.Unmarshal(text, &installed) != nil:
		return i.whole(yarnInstalled+" cannot be read", lockFile, yarnInstalled)
	}
	g := i.newGraph()
	nodes := map[*yarnPackage]*node{}
	for _, pattern := range sortedKeys(lock) {
		p := lock[pattern]
		n := nodes[p]
		if n == nil {
			name := patternName(pattern)
			n = &node{name: name, version: p.version, id: identity(name, p.version, p.content())}
			nodes[p] = n
			g.add(pattern, n)
		}
		g.nodes[pattern] = n
		switch now, ok := installed.LockfileEntries[pattern]; {
		case !ok:
			n.disagree("%s is not installed, and %s has it", pattern, lockFile)
		case now != p.resolved:
			n.disagree("another %s is installed than %s has", pattern, lockFile)
		}
	}
	for p, n := range nodes {
		n.connect(p.dependencies, g.yarn1)
	}
	members := map[string]*node{}
	for _, pkg := range i.ws.Packages {
		members[pkg.DeclaredName] = g.links[pkg.Dir]
	}
	connect := func(n *node, dir string, itself bool) {
		n.connect(i.dependencies(dir, itself), func(name, spec string) *node {
			to := g.yarn1(name, spec)
			if to == nil {
				to = members[name]
			}
			if to == nil && !i.mayLack(dir, name, itself) && !strings.HasPrefix(spec, "link:") {
				n.disagree("%s@%s is not in %s", name, spec, lockFile)
			}
			return to
		})
	}
	for dir := range g.roots {
		connect(g.roots[dir], dir, true)
		connect(g.links[dir], dir, false)
	}
	return contents{graph: g}
}

func (g *graph) yarn1(name, spec string) *node { return g.nodes[name+"@"+spec] }

// patternName is the name in "name@range"; of "alias@npm:name@range" it is the second.
func patternName(pattern string) string {
	name, spec, _ := cutName(pattern)
	if other, ok := strings.CutPrefix(spec, "npm:"); ok {
		if name, _, ok := cutName(other); ok {
			return name
		}
	}
	return name
}

// cutName splits "name@rest" and "@scope/name@rest".
func cutName(s string) (name, rest string, ok bool) {
	at := strings.Index(s[min(1, len(s)):], "@") + 1
	if at < 1 {
		return s, "", false
	}
	return s[:at], s[at+1:], true
}

// yarnPackage is an entry of a yarn.lock of yarn 1.
type yarnPackage struct {
	version, resolved, integrity string
	dependencies                 map[string]string // optional ones too
}

func (p *yarnPackage) content() string {
	if p.integrity != "" {
		return p.integrity
	}
	_, sum, _ := strings.Cut(p.resolved, "#") // the address differs behind a mirror
	return sum
}

// parseYarn1 reads a yarn.lock of yarn 1. Its entries are by each of their patterns.
func parseYarn1(text string) (entries map[string]*yarnPackage, ok bool) {
	entries = map[string]*yarnPackage{}
	var now *yarnPackage
	inList := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		body := strings.TrimLeft(line, " ")
		indent := len(line) - len(body)
		if body == "" || body[0] == '#' {
			continue
		}
		switch {
		case indent == 0:
			patterns, ok := strings.CutSuffix(body, ":")
			if !ok {
				return nil, false
			}
			now, inList = &yarnPackage{dependencies: map[string]string{}}, false
			for pattern := range strings.SplitSeq(patterns, ", ") {
				entries[unquote(pattern)] = now
			}
		case now == nil:
			return nil, false
		case indent == 2:
			key, value, _ := strings.Cut(body, " ")
			inList = key == "dependencies:" || key == "optionalDependencies:"
			if to := map[string]*string{"version": &now.version, "resolved": &now.resolved, "integrity": &now.integrity}[key]; to != nil {
				*to = unquote(value)
			}
		case inList:
			name, value, _ := strings.Cut(body, " ")
			now.dependencies[unquote(name)] = unquote(value)
		}
	}
	return entries, true
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' {
		var text string
		if json.Unmarshal([]byte(s), &text) == nil {
			return text
		}
	}
	return s
}
