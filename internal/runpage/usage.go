package runpage

import (
	"cmp"
	"maps"
	"slices"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/memtools"
)

// mostLayers is how many packages have a colour of their own.
const mostLayers = 7

// usage stacks the usage over time by package.
func (m *maker) usage() usage {
	u := usage{At: []float64{}, Usage: []memtools.Bytes{}, Budget: []memtools.Bytes{}, Layers: []layer{}}
	most := map[string]memtools.Bytes{} // the highest usage of each package in a sample
	byPackage := make([]map[string]memtools.Bytes, len(m.t.Samples))
	for i, s := range m.t.Samples {
		byPackage[i] = map[string]memtools.Bytes{}
		for _, share := range s.Tasks {
			byPackage[i][m.t.Tasks[share.Task].Package] += share.Usage
		}
		for name, used := range byPackage[i] {
			most[name] = max(most[name], used)
		}
	}
	names := slices.SortedFunc(maps.Keys(most), func(a, b string) int { return cmp.Or(cmp.Compare(most[b], most[a]), cmp.Compare(a, b)) })
	m.layers = map[string]int{}
	for i, name := range names[:min(mostLayers, len(names))] {
		m.layers[name] = i
		u.Layers = append(u.Layers, layer{Name: m.label(name), Kind: "package"})
	}
	own := len(u.Layers) + 1
	u.Layers = append(u.Layers, layer{Name: "other packages", Kind: "others"}, layer{Name: "heapmage itself", Kind: "own"})
	if len(m.t.Steps) > 0 {
		u.Layers[own].Name = "installation and heapmage itself"
	}
	if m.t.Run.Foreign {
		u.Layers[own].Name = "the runner and heapmage itself"
	}
	for i, s := range m.t.Samples {
		parts := make([]memtools.Bytes, len(u.Layers))
		rest := s.Usage
		for name, used := range byPackage[i] {
			parts[m.layerOf(name)] += used
			rest -= used
		}
		parts[own] = max(0, rest)
		u.At, u.Usage, u.Budget = append(u.At, m.since(s.At)), append(u.Usage, s.Usage), append(u.Budget, s.Budget)
		for l, used := range parts {
			u.Layers[l].Usage = append(u.Layers[l].Usage, used)
		}
	}
	return u
}

// layerOf is the index of a package's layer: its own, or that of all others.
func (m *maker) layerOf(name string) int {
	if at, ok := m.layers[name]; ok {
		return at
	}
	return len(m.layers)
}

// label is a package's name in the log.
func (m *maker) label(name string) string {
	for _, t := range m.t.Tasks {
		if t.Package == name && t.Label != "" {
			return printable.Text(t.Label)
		}
	}
	return printable.Text(name)
}
