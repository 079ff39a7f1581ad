package installed

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// drawGraph makes a graph with cycles; some nodes are copies with the same id.
func drawGraph(t *rapid.T) *graph {
	g := &graph{nodes: map[string]*node{}}
	n := rapid.IntRange(1, 12).Draw(t, "nodes")
	for k := range n {
		g.nodes[fmt.Sprint(k)] = &node{id: fmt.Sprint(rapid.IntRange(0, n).Draw(t, "id"))}
	}
	for k := range n {
		for alias := range rapid.IntRange(0, 3).Draw(t, "edges") {
			to := rapid.IntRange(0, n-1).Draw(t, "to")
			g.nodes[fmt.Sprint(k)].edges = append(g.nodes[fmt.Sprint(k)].edges, edge{fmt.Sprint(alias), g.nodes[fmt.Sprint(to)]})
		}
	}
	return g
}

func (g *graph) copied(change func(key string, n *node)) *graph {
	c := &graph{nodes: map[string]*node{}}
	at := map[*node]string{}
	for key, n := range g.nodes {
		at[n] = key
		c.nodes[key] = &node{id: n.id, stale: n.stale}
	}
	for key, n := range g.nodes {
		for _, e := range n.edges {
			c.nodes[key].edges = append(c.nodes[key].edges, edge{e.alias, c.nodes[at[e.to]]})
		}
		change(key, c.nodes[key])
	}
	return c
}

func (n *node) reaches(to *node, seen map[*node]bool) bool {
	if n == to {
		return true
	}
	if seen[n] {
		return false
	}
	seen[n] = true
	return slices.ContainsFunc(n.edges, func(e edge) bool { return e.to.reaches(to, seen) })
}

// same reports whether two nodes have the same id and so have all that they lead to.
func same(a, b *node, seen map[[2]*node]bool) bool {
	if seen[[2]*node{a, b}] {
		return true
	}
	seen[[2]*node{a, b}] = true
	if a.id != b.id || len(a.edges) != len(b.edges) {
		return false
	}
	for k := range a.edges {
		if !same(a.edges[k].to, b.edges[k].to, seen) {
			return false
		}
	}
	return true
}

func TestDigestsOfGraphs(t *testing.T) {
	t.Run("change exactly where the changed node is reached", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			g := drawGraph(t)
			changed := fmt.Sprint(rapid.IntRange(0, len(g.nodes)-1).Draw(t, "changed"))
			other := g.copied(func(key string, n *node) {
				if key == changed {
					n.id, n.stale = "changed", "it is stale"
				}
			})
			g.digest()
			other.digest()
			for key, n := range g.nodes {
				reached := n.reaches(g.nodes[changed], map[*node]bool{})
				if (n.digest != other.nodes[key].digest) != reached {
					t.Fatalf("%s: reached is %v", key, reached)
				}
				if (other.nodes[key].stale != "") != reached {
					t.Fatalf("%s: stale is %q, reached is %v", key, other.nodes[key].stale, reached)
				}
			}
		})
	})
	t.Run("are equal only for closures that are", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			a, b := drawGraph(t), drawGraph(t)
			a.digest()
			b.digest()
			for _, n := range a.nodes {
				for _, m := range b.nodes {
					if n.digest == m.digest && !same(n, m, map[[2]*node]bool{}) {
						t.Fatalf("%s and %s", n.id, m.id)
					}
				}
			}
		})
	})
	t.Run("do not depend on the order of the search", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			g := drawGraph(t)
			renamed := g.copied(func(string, *node) {})
			moved := &graph{nodes: map[string]*node{}}
			for key, n := range renamed.nodes {
				moved.nodes[fmt.Sprint(len(g.nodes))+"-"+reversed(key)] = n
			}
			moved.digest()
			g.digest()
			for key, n := range g.nodes {
				if n.digest != renamed.nodes[key].digest {
					t.Fatal(key)
				}
			}
		})
	})
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func TestALongChainAndALargeCycle(t *testing.T) {
	for _, cycle := range []bool{false, true} {
		g := &graph{nodes: map[string]*node{}}
		var before *node
		for k := range 3000 {
			n := &node{id: fmt.Sprint(k)}
			if before != nil {
				n.edges = []edge{{"x", before}}
			}
			g.nodes[fmt.Sprint(k)], before = n, n
		}
		if cycle {
			g.nodes["0"].edges = []edge{{"x", before}}
		}
		g.digest()
		if before.digest == (fingerprint.Digest{}) {
			t.Error("no digest")
		}
	}
}
