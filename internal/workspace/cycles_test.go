package workspace

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/problem"
	"pgregory.net/rapid"
)

// packagesOf makes packages from lines such as "a -dev-> b".
func packagesOf(t *testing.T, lines ...string) []*Package {
	t.Helper()
	kinds := map[string]Kind{"prod": Prod, "opt": Optional, "peer": Peer, "dev": Dev}
	known := map[string]*Package{}
	var all []*Package
	get := func(name string) *Package {
		if known[name] == nil {
			known[name] = &Package{Name: name, DeclaredName: name, Dir: "packages/" + name, Manifest: []byte("{}")}
			all = append(all, known[name])
		}
		return known[name]
	}
	for _, line := range lines {
		from, rest, ok := strings.Cut(line, " -")
		if !ok {
			get(line)
			continue
		}
		kind, to, _ := strings.Cut(rest, "-> ")
		get(from).Dependencies = append(get(from).Dependencies, Dependency{To: get(to), Kind: kinds[kind], Spec: "*"})
	}
	return all
}

func show(edges []Edge) string {
	var texts []string
	for _, e := range edges {
		texts = append(texts, fmt.Sprintf("%s>%s", e.From.Name, e.To.Name))
	}
	return strings.Join(texts, " ")
}

func TestBreakCycles(t *testing.T) {
	t.Run("keeps every edge if there is no cycle", func(t *testing.T) {
		edges, warnings, err := BreakCycles(packagesOf(t, "a -prod-> b", "a -dev-> b", "b -peer-> c", "a -opt-> c"))
		if got := show(edges); got != "a>b a>b a>c b>c" || len(warnings) > 0 || err != nil {
			t.Errorf("%s, %v, %v", got, warnings, err)
		}
	})
	t.Run("fails for a cycle of dependencies and shows the shortest path", func(t *testing.T) {
		_, _, err := BreakCycles(packagesOf(t, "x -prod-> b", "b -prod-> c", "c -opt-> d", "d -prod-> b", "c -prod-> b"))
		var p *problem.Error
		if !errors.As(err, &p) || p.ExitStatus() != problem.ExitUsage {
			t.Fatalf("%v", err)
		}
		if !strings.Contains(err.Error(), "b → c → b") || !strings.Contains(err.Error(), "packages/b/package.json") {
			t.Errorf("%v", err)
		}
	})
	t.Run("breaks a cycle at its devDependency, with a warning", func(t *testing.T) {
		edges, warnings, err := BreakCycles(packagesOf(t, "core -dev-> test-utils", "test-utils -prod-> core"))
		if got := show(edges); got != "test-utils>core" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
		want := []string{"core → test-utils → core is a cycle: the devDependency of core on test-utils is left out of the order"}
		if !slices.Equal(warnings, want) {
			t.Errorf("%q", warnings)
		}
	})
	t.Run("breaks at a devDependency rather than at a peerDependency", func(t *testing.T) {
		edges, _, err := BreakCycles(packagesOf(t, "a -dev-> b", "b -peer-> a"))
		if got := show(edges); got != "b>a" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	})
	t.Run("breaks at a peerDependency if there is nothing else", func(t *testing.T) {
		edges, warnings, err := BreakCycles(packagesOf(t, "a -prod-> b", "b -peer-> a"))
		if got := show(edges); got != "a>b" || len(warnings) != 1 || err != nil {
			t.Errorf("%s, %v, %v", got, warnings, err)
		}
	})
	t.Run("leaves out edges to packages that are not asked about", func(t *testing.T) {
		all := packagesOf(t, "a -prod-> b", "b -prod-> a", "a -prod-> c")
		edges, warnings, err := BreakCycles([]*Package{all[0], all[2]})
		if got := show(edges); got != "a>c" || len(warnings) > 0 || err != nil {
			t.Errorf("%s, %v, %v", got, warnings, err)
		}
	})
	t.Run("takes nothing", func(t *testing.T) {
		if edges, warnings, err := BreakCycles(nil); len(edges)+len(warnings) > 0 || err != nil {
			t.Error(edges, warnings, err)
		}
	})
}

func TestBreakCyclesAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 9).Draw(t, "size")
		all := make([]*Package, size)
		for i := range all {
			all[i] = &Package{Name: fmt.Sprint("p", i), Dir: fmt.Sprint("d", i), Manifest: []byte("{}")}
		}
		node := rapid.IntRange(0, size-1)
		for range rapid.IntRange(0, 3*size).Draw(t, "edges") {
			from, to := all[node.Draw(t, "from")], all[node.Draw(t, "to")]
			kind := Kind(rapid.IntRange(0, 3).Draw(t, "kind"))
			from.Dependencies = append(from.Dependencies, Dependency{To: to, Kind: kind})
		}
		edges, warnings, err := BreakCycles(all)

		shuffled := slices.Clone(all)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		random.Shuffle(size, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for _, p := range all {
			random.Shuffle(len(p.Dependencies), func(i, j int) {
				p.Dependencies[i], p.Dependencies[j] = p.Dependencies[j], p.Dependencies[i]
			})
		}
		edges2, warnings2, err2 := BreakCycles(shuffled)
		if !reflect.DeepEqual(edges, edges2) || !slices.Equal(warnings, warnings2) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("another order of the input gives another result:\n%s\n%s", show(edges), show(edges2))
		}

		binding, kept := reach{}, reach{}
		for _, p := range all {
			for _, d := range p.Dependencies {
				if d.Kind == Prod || d.Kind == Optional {
					binding.add(p, d.To)
				}
			}
		}
		if cyclic := binding.cyclic(all); cyclic != (err != nil) {
			t.Fatalf("a cycle of dependencies: %v, error: %v", cyclic, err)
		}
		if err != nil {
			return
		}
		for _, e := range edges {
			kept.add(e.From, e.To)
		}
		if kept.cyclic(all) {
			t.Fatalf("a cycle is left in %s", show(edges))
		}
		left := 0
		for _, p := range all {
			for _, d := range p.Dependencies {
				if slices.ContainsFunc(edges, func(e Edge) bool { return e.From == p && e.To == d.To && e.Kind == d.Kind }) {
					continue
				}
				left++
				if d.Kind != Dev && d.Kind != Peer {
					t.Fatalf("%s of %s on %s is left out", d.Kind, p.Name, d.To.Name)
				}
				if d.To != p && !kept.leads(d.To, p) {
					t.Fatalf("%s of %s on %s closes no cycle and is left out", d.Kind, p.Name, d.To.Name)
				}
			}
		}
		if left != len(warnings) {
			t.Fatalf("%d edges are left out with %d warnings", left, len(warnings))
		}
	})
}

// reach finds paths independently of the code under test.
type reach map[*Package]map[*Package]bool

func (r reach) add(from, to *Package) {
	if r[from] == nil {
		r[from] = map[*Package]bool{}
	}
	r[from][to] = true
}

func (r reach) leads(from, to *Package) bool {
	seen := map[*Package]bool{}
	todo := []*Package{from}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for next := range r[p] {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return false
}

func (r reach) cyclic(all []*Package) bool {
	return slices.ContainsFunc(all, func(p *Package) bool { return r.leads(p, p) })
}
