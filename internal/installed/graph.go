package installed

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// graph is what is installed, and what each package of it depends on.
type graph struct {
	// nodes are by the key that the manager's file has for them.
	nodes map[string]*node
	// roots are the packages of the workspace, by Dir, with all that they depend on.
	roots map[string]*node
	// links are the same packages as others see them: without their devDependencies.
	links map[string]*node
	// named are the nodes by "name@version".
	named map[string][]*node
}

// node is a package.
type node struct {
	name, version string
	id            string // changes with the content of the package; has no paths
	edges         []edge
	// stale is how it, or what it reaches, disagrees with the lock file.
	stale  string
	digest fingerprint.Digest // of the closure, once graph.digest ran

	visit visit
}

// edge is a dependency. to is nil if nothing is installed for it.
type edge struct {
	alias string
	to    *node
}

// newGraph makes the nodes of the workspace's packages.
func (p *project) newGraph() *graph {
	g := &graph{nodes: map[string]*node{}, roots: map[string]*node{}, links: map[string]*node{}, named: map[string][]*node{}}
	for _, pkg := range p.ws.All() {
		g.roots[pkg.Dir] = &node{name: pkg.DeclaredName, id: "root " + pkg.Dir}
		g.links[pkg.Dir] = &node{name: pkg.DeclaredName, id: "workspace " + pkg.Dir}
	}
	return g
}

func (g *graph) add(key string, n *node) {
	g.nodes[key] = n
	g.named[n.name+"@"+n.version] = append(g.named[n.name+"@"+n.version], n)
}

// connect gives a node its edges, in an order of their own.
func (n *node) connect(names map[string]string, to func(alias, spec string) *node) {
	for _, alias := range slices.Sorted(maps.Keys(names)) {
		n.edges = append(n.edges, edge{alias, to(alias, names[alias])})
	}
}

// disagree notes the first fault of a node.
func (n *node) disagree(format string, args ...any) {
	if n.stale == "" {
		n.stale = fmt.Sprintf(format, args...)
	}
}

// visit is a node's state in Tarjan's search.
type visit struct {
	index, low int // from 1
	onStack    bool
}

// digest computes the digests of all closures: that of a node is made of those that it
// depends on. Packages in a cycle contain each other, so all of them are in the digest of
// each.
func (g *graph) digest() {
	s := search{}
	for _, nodes := range []map[string]*node{g.roots, g.links, g.nodes} {
		for _, key := range slices.Sorted(maps.Keys(nodes)) {
			if n := nodes[key]; n != nil && n.visit.index == 0 {
				s.from(n)
			}
		}
	}
}

// search finds strongly connected components, the ones that others depend on first.
type search struct {
	next  int
	stack []*node
}

func (s *search) from(n *node) {
	s.next++
	n.visit = visit{s.next, s.next, true}
	at := len(s.stack)
	s.stack = append(s.stack, n)
	for _, e := range n.edges {
		switch {
		case e.to == nil:
		case e.to.visit.index == 0:
			s.from(e.to)
			n.visit.low = min(n.visit.low, e.to.visit.low)
		case e.to.visit.onStack:
			n.visit.low = min(n.visit.low, e.to.visit.index)
		}
	}
	if n.visit.low == n.visit.index {
		cycle := slices.Clone(s.stack[at:])
		s.stack = s.stack[:at]
		for _, m := range cycle {
			m.visit.onStack = false
		}
		finish(cycle)
	}
}

// finish gives the members of a component their digests. Those in a cycle are first told
// apart by what they depend on, until that tells no more of them apart (Hopcroft's partition
// refinement). Each digest then holds those of all members.
func finish(members []*node) {
	inside := map[*node]bool{}
	for _, m := range members {
		inside[m] = true
		m.digest = fingerprint.Sum("in a cycle", m.id) // as none of a closure is
	}
	for kinds := 0; ; {
		next := make([]fingerprint.Digest, len(members))
		distinct := map[fingerprint.Digest]bool{}
		for k, m := range members {
			next[k] = m.withEdges()
			distinct[next[k]] = true
		}
		for k, m := range members {
			m.digest = next[k]
		}
		if len(distinct) == kinds || len(members) == 1 {
			break
		}
		kinds = len(distinct)
	}
	var stale string
	for _, m := range members {
		stale = cmp.Or(stale, m.stale)
		for _, e := range m.edges {
			if e.to != nil && !inside[e.to] {
				stale = cmp.Or(stale, e.to.stale)
			}
		}
	}
	var all []string
	for _, m := range members {
		m.stale = stale
		all = append(all, m.digest.String())
	}
	if len(members) == 1 {
		return
	}
	slices.Sort(all)
	cycle := fingerprint.Sum(slices.Compact(all)...)
	for _, m := range members {
		m.digest = fingerprint.Sum("cycle", m.digest.String(), cycle.String())
	}
}

// withEdges is the digest of a node and of those that it depends on, as they are by now.
func (n *node) withEdges() fingerprint.Digest {
	parts := make([]string, 0, 1+2*len(n.edges))
	parts = append(parts, n.id)
	for _, e := range n.edges {
		to := "nothing"
		if e.to != nil {
			to = string(e.to.digest[:])
		}
		parts = append(parts, e.alias, to)
	}
	return fingerprint.Sum(parts...)
}

// identity joins what tells a package from others: its name, version and content.
func identity(parts ...string) string { return strings.Join(parts, "\x00") }
