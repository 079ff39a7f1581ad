package taskgraph

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/workspace"
)

// linked gives the packages of a request the dependencies that its Edges give.
func linked(r Request) Request {
	for _, p := range r.Packages {
		for _, to := range r.Edges(p) {
			p.Dependencies = append(p.Dependencies, workspace.Dependency{To: to})
		}
	}
	return r
}

func TestOrdering(t *testing.T) {
	target := func(r Request, name string) Request { return r.wanting(name) }
	noDeps := func(r Request) Request { r.NoDeps = true; return r }
	cycle := []string{"a: build lint -> b", "b: -> c", "c: build -> a"}
	for _, tt := range []struct {
		claim string
		r     Request
		want  string
	}{
		{"packages with tasks, and those between them", world(cycle...), "a b c"},
		{"a target that comes after nothing", target(world(cycle...), "lint"), ""},
		{"a cycle back to the only package with a task", world("a: build -> b", "b: -> a"), ""},
		{"a cycle with no task below it", world("a: build -> b", "b: -> c", "c: -> b"), ""},
		{"a cycle above all tasks", world("a: -> b", "b: -> a c", "c: build"), ""},
		{"a cycle between two packages with tasks", world("a: build -> b", "b: -> c", "c: -> b d", "d: build"), "a b c d"},
		{"tests come after builds", target(world("a: test -> b", "b: -> c", "c: build", "d: test -> c"), "test"), "a b c d"},
		{"what the selection does not depend on", world("a: build -> b", "b: build -> a", "c: build -> d", "d: build").selecting("c"), "c d"},
		{"a task that is named by its package", with(world("a: build", "b: pack -> c", "c: build -> d", "d: build").selecting("a"), "a#build", "b#pack"), "b c d"},
		{"only what was named", noDeps(world("a: build -> b", "b: build -> a").selecting("a")), ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			var names []string
			for _, p := range linked(tt.r).Ordering() {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestOrderingIsEnough holds for any graph: the dependencies of the packages in
// Ordering give the order that those of all packages give.
func TestOrderingIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyOrder(t, linked(world(anyWorld(t)...)))
		all, err := Build(r)
		if err != nil {
			t.Skip(err) // a cycle of tasks
		}
		edges, ordering := r.Edges, r.Ordering()
		r.Edges = func(p *workspace.Package) (to []*workspace.Package) {
			for _, q := range edges(p) {
				if slices.Contains(ordering, p) && slices.Contains(ordering, q) {
					to = append(to, q)
				}
			}
			return to
		}
		some, err := Build(r)
		if err != nil {
			t.Fatal(err)
		}
		if shape(some) != shape(all) {
			t.Errorf("got  %s\nwant %s", shape(some), shape(all))
		}
	})
}

// anyOrder draws what precedes some targets, of which only build has scripts.
func anyOrder(t *rapid.T, r Request) Request {
	var lines []string
	for _, target := range []string{"build", "ready", "transit"} {
		entries := rapid.SliceOfN(rapid.SampledFrom([]string{"^build", "^ready", "^transit", "ready", "transit", "p00#build", "p01#ready"}), 0, 2).Draw(t, target)
		lines = append(lines, target+rapid.SampledFrom([]string{": ", "! "}).Draw(t, "passes")+strings.Join(entries, " "))
	}
	return orders(r, lines...)
}
