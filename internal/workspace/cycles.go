package workspace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
)

// Edge is a dependency of one package on another.
type Edge struct {
	From, To *Package
	Kind     Kind
}

// BreakCycles returns the edges between the given packages without cycles,
// ordered by From.Dir, To.Dir and Kind. Edges to other packages are left out. The
// result does not depend on the order of the input.
//
// A cycle of dependencies and optionalDependencies is an error that shows the
// path. Any other cycle is broken by leaving out devDependencies first, then
// peerDependencies, and no more of them than needed; each edge left out is one
// warning.
func BreakCycles(packages []*Package) (edges []Edge, warnings []string, err error) {
	g := newGraph(packages)
	binding := g.filter(func(e graphEdge) bool { return e.kind == Prod || e.kind == Optional })
	for _, group := range binding.components() {
		if cycle := binding.shortest(group, group[0], group[0]); cycle != nil {
			return nil, nil, &problem.Error{
				Where: g.nodes[cycle[0]].file(),
				What:  "dependencies form a cycle: " + g.names(cycle),
				Hint:  "make one of them a devDependency, or move what both need into another package",
			}
		}
	}

	// An edge between two components is in no cycle. Inside of one, edges are put
	// back from the most binding to the least, each unless it would close a cycle
	// with those before it.
	kept := newEmptyGraph(g.nodes)
	group := make([]int, len(g.nodes))
	for i, members := range g.components() {
		for _, n := range members {
			group[n] = i
		}
	}
	for _, e := range g.edges {
		if group[e.from] != group[e.to] {
			edges = append(edges, g.edge(e))
			continue
		}
		if back := kept.path(e.to, e.from); back != nil {
			warnings = append(warnings, fmt.Sprintf("%s is a cycle: %s of %s on %s is left out of the order",
				g.names(append([]int{e.from}, back...)), singular(e.kind), g.nodes[e.from].Name, g.nodes[e.to].Name))
			continue
		}
		kept.add(e)
		edges = append(edges, g.edge(e))
	}
	slices.SortFunc(edges, func(a, b Edge) int {
		return cmp.Or(strings.Compare(a.From.Dir, b.From.Dir), strings.Compare(a.To.Dir, b.To.Dir), cmp.Compare(a.Kind, b.Kind))
	})
	return edges, warnings, nil
}

func singular(k Kind) string {
	switch k {
	case Dev:
		return "the devDependency"
	case Peer:
		return "the peerDependency"
	default:
		return "the dependency"
	}
}

// file is the file that holds the package's dependencies, for messages.
func (p *Package) file() string {
	name := "package.json"
	if p.Manifest == nil {
		name = "go.mod"
	}
	if p.Dir == "." {
		return name
	}
	return p.Dir + "/" + name
}
