package taskgraph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// world is a workspace written as "name: script script -> dependency …" lines.
func world(lines ...string) Request {
	packages := map[string]*workspace.Package{}
	edges := map[string][]string{}
	r := Request{Target: "build", DependsOn: DefaultDependsOn()}
	for _, l := range lines {
		name, rest, _ := strings.Cut(l, ":")
		scripts, deps, _ := strings.Cut(rest, "->")
		p := &workspace.Package{Name: name, Dir: "packages/" + name, Scripts: map[string]string{}}
		for _, s := range strings.Fields(scripts) {
			p.Scripts[s] = "true"
		}
		packages[name] = p
		edges[name] = strings.Fields(deps)
		r.Packages = append(r.Packages, p)
	}
	r.Selected = r.Packages
	r.Edges = func(p *workspace.Package) (to []*workspace.Package) {
		for _, name := range edges[p.Name] {
			to = append(to, packages[name])
		}
		return to
	}
	r.Script = func(p *workspace.Package, target string) (string, bool) {
		_, ok := p.Scripts[target]
		return target, ok
	}
	return r
}

// rooted adds a root with a script, which is not among the selected.
func rooted(r Request, script string) Request {
	r.Packages = append(slices.Clone(r.Packages), &workspace.Package{Name: "root", Dir: ".", Scripts: map[string]string{script: "true"}})
	return r
}

// with sets what precedes a target.
func with(r Request, key string, on ...string) Request {
	r.DependsOn = DefaultDependsOn()
	r.DependsOn[key] = on
	return r
}

func (r Request) selecting(names ...string) Request {
	r.Selected = slices.DeleteFunc(slices.Clone(r.Packages), func(p *workspace.Package) bool {
		return !slices.Contains(names, p.Name)
	})
	return r
}

// shape writes a graph as "a#build", "b#build<a#build", in order.
func shape(g *Graph) string {
	var parts []string
	for _, t := range g.Tasks {
		s := t.ID
		for i, a := range t.After {
			s += []string{"<", "+"}[min(i, 1)] + a.ID
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestBuild(t *testing.T) {
	three := world("core: build test lint", "sdk: build test -> core", "web: build lint -> sdk")
	target := func(r Request, name string) Request { r.Target = name; return r }
	noDeps := func(r Request) Request { r.NoDeps = true; return r }
	for _, tt := range []struct {
		claim string
		r     Request
		want  string
	}{
		{"builds come after the builds of what they depend on", three, "core#build sdk#build<core#build web#build<sdk#build"},
		{"a selection brings the builds that it depends on", three.selecting("sdk"), "core#build sdk#build<core#build"},
		{"nodeps runs only what was named", noDeps(three.selecting("sdk")), "sdk#build"},
		{"nodeps keeps the order among the named", noDeps(three.selecting("sdk", "core")), "core#build sdk#build<core#build"},
		{"nodeps keeps the order among the named, whatever is between", noDeps(three.selecting("web", "core")), "core#build web#build<core#build"},
		{"tests come after builds", target(three, "test").selecting("sdk"), "core#build sdk#test<core#build"},
		{"lint depends on nothing", target(three, "lint"), "core#lint web#lint"},
		{"the order passes through a package without the script",
			world("core: build", "types: -> core", "web: build -> types"), "core#build web#build<core#build"},
		{"a script of the same package can come first",
			with(world("core: generate build"), "build", "^build", "generate"), "core#generate core#build<core#generate"},
		{"one package can have another order",
			with(world("a: build", "b: build"), "a#build", "b#build"), "b#build a#build<b#build"},
		{"a package may be called by its folder",
			with(world("a: build", "b: build"), "packages/a#build", "packages/b#build"), "b#build a#build<b#build"},
		{"a script of the root can come first, though the root is not selected",
			with(rooted(world("a: build", "b: build -> a"), "generate"), "build", "^build", "//#generate"),
			"root#generate a#build<root#generate b#build<a#build+root#generate"},
		{"no package has the script", target(three, "bundle"), ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			g, err := Build(tt.r)
			if err != nil {
				t.Fatal(err)
			}
			if got := shape(g); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	for _, tt := range []struct {
		claim, key string
		on         []string
		want       string
	}{
		{"a cycle of tasks shows its path", "a#build", []string{"b#build"}, "a#build → b#build → a#build"},
		{"an unknown package is named", "build", []string{"nope#build"}, `no package is called "nope"`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			r := world("a: build", "b: build -> a")
			r.DependsOn = DefaultDependsOn()
			r.DependsOn[tt.key] = tt.on
			_, err := Build(r)
			var p *problem.Error
			if !errors.As(err, &p) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(p.Hint, "heapmage.yaml or turbo.json") {
				t.Errorf("got %v, want %q and where an order may stand", err, tt.want)
			}
		})
	}
}

// anyWorld draws the lines of a world without cycles, in which most packages build.
func anyWorld(t *rapid.T) (lines []string) {
	for i := range rapid.IntRange(1, 30).Draw(t, "packages") {
		line := fmt.Sprintf("p%02d:", i)
		if rapid.IntRange(0, 4).Draw(t, "has") > 0 {
			line += " build"
		}
		line += " ->"
		for j := range i {
			if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
				line += fmt.Sprintf(" p%02d", j)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// TestOrder checks any graph: each task comes after those it depends on,
// and every selected package that has the script is there once.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := world(anyWorld(t)...)
		g, err := Build(r)
		if err != nil {
			t.Fatal(err)
		}
		place := map[string]int{}
		for i, task := range g.Tasks {
			place[task.ID] = i + 1
			for _, a := range task.After {
				if place[a.ID] == 0 {
					t.Fatalf("%s comes before %s", task.ID, a.ID)
				}
			}
		}
		for _, p := range r.Packages {
			if _, has := p.Scripts["build"]; has != (place[p.Name+"#build"] > 0) {
				t.Fatalf("%s: has a build script: %v, place %d", p.Name, has, place[p.Name+"#build"])
			}
		}
	})
}
