package workspace

import (
	"cmp"
	"slices"
	"strings"
)

// graph holds packages by number, in order of their folders, and the edges between
// them from the most binding to the least. The order makes every walk over it
// deterministic.
type graph struct {
	nodes []*Package
	edges []graphEdge
	next  [][]int // the nodes that a node depends on, ascending
}

type graphEdge struct {
	from, to int
	kind     Kind
	spec     string
}

func newEmptyGraph(nodes []*Package) *graph {
	return &graph{nodes: nodes, next: make([][]int, len(nodes))}
}

func newGraph(packages []*Package) *graph {
	nodes := slices.Clone(packages)
	slices.SortFunc(nodes, func(a, b *Package) int {
		return cmp.Or(strings.Compare(a.Dir, b.Dir), strings.Compare(a.Name, b.Name))
	})
	nodes = slices.Compact(nodes)
	number := make(map[*Package]int, len(nodes))
	for i, p := range nodes {
		number[p] = i
	}
	all := newEmptyGraph(nodes)
	for from, p := range nodes {
		for _, d := range p.Dependencies {
			if to, ok := number[d.To]; ok {
				all.edges = append(all.edges, graphEdge{from, to, d.Kind, d.Spec})
			}
		}
	}
	slices.SortFunc(all.edges, func(a, b graphEdge) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), strings.Compare(a.spec, b.spec))
	})
	return all.filter(func(graphEdge) bool { return true })
}

// filter returns the graph with only the edges that keep selects.
func (g *graph) filter(keep func(graphEdge) bool) *graph {
	part := newEmptyGraph(g.nodes)
	for _, e := range g.edges {
		if keep(e) {
			part.add(e)
		}
	}
	for _, next := range part.next {
		slices.Sort(next)
	}
	return part
}

func (g *graph) add(e graphEdge) {
	g.edges = append(g.edges, e)
	g.next[e.from] = append(g.next[e.from], e.to)
}

func (g *graph) edge(e graphEdge) Edge {
	return Edge{From: g.nodes[e.from], To: g.nodes[e.to], Kind: e.kind}
}

func (g *graph) names(path []int) string {
	names := make([]string, len(path))
	for i, n := range path {
		names[i] = g.nodes[n].Name
	}
	return strings.Join(names, " → ")
}

// components returns the strongly connected components (Tarjan, Depth-first
// search and linear graph algorithms, 1972), each ascending, ordered by their
// first node.
func (g *graph) components() [][]int {
	var (
		groups [][]int
		stack  []int
		count  int
	)
	index := make([]int, len(g.nodes)) // 0 is not visited yet
	low := make([]int, len(g.nodes))
	onStack := make([]bool, len(g.nodes))
	var visit func(n int)
	visit = func(n int) {
		count++
		index[n], low[n] = count, count
		stack, onStack[n] = append(stack, n), true
		for _, to := range g.next[n] {
			if index[to] == 0 {
				visit(to)
				low[n] = min(low[n], low[to])
			} else if onStack[to] {
				low[n] = min(low[n], index[to])
			}
		}
		if low[n] != index[n] {
			return
		}
		at := slices.Index(stack, n)
		group := slices.Clone(stack[at:])
		stack = stack[:at]
		for _, m := range group {
			onStack[m] = false
		}
		slices.Sort(group)
		groups = append(groups, group)
	}
	for n := range g.nodes {
		if index[n] == 0 {
			visit(n)
		}
	}
	slices.SortFunc(groups, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	return groups
}

// shortest returns the shortest path of at least one edge from one node to
// another that stays inside of a group, both ends included; nil if there is none.
// A nil group is the whole graph.
func (g *graph) shortest(group []int, from, to int) []int {
	before := map[int]int{}
	queue := []int{from}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, next := range g.next[n] {
			if _, seen := before[next]; seen {
				continue
			}
			if _, inside := slices.BinarySearch(group, next); group != nil && !inside {
				continue
			}
			before[next] = n
			if next == to {
				path := []int{to}
				for at := n; at != from; at = before[at] {
					path = append(path, at)
				}
				path = append(path, from)
				slices.Reverse(path)
				return path
			}
			queue = append(queue, next)
		}
	}
	return nil
}

// path returns the shortest path from one node to another; a node reaches itself.
func (g *graph) path(from, to int) []int {
	if from == to {
		return []int{from}
	}
	return g.shortest(nil, from, to)
}
