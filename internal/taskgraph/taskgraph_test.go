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
	r := Request{Order: ordered(nil)}
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
	r.Wanted = []Wanted{{"build", r.Packages}}
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

// usual is the order of the targets in these tests.
var usual = map[string][]string{"build": {"^build"}, "typecheck": {"^build"}, "test": {"^build"}, "bundle": {"^build"}, "lint": {}}

// ordered is the usual order with others in it, by target or "package#target".
func ordered(other map[string]Order) func(*workspace.Package, string) Order {
	return func(p *workspace.Package, target string) Order {
		for _, key := range p.Keys() {
			if o, ok := other[key+"#"+target]; ok {
				return o
			}
		}
		if o, ok := other[target]; ok {
			return o
		}
		return Order{DependsOn: usual[target], From: "usual.json"}
	}
}

// with sets what precedes a target.
func with(r Request, key string, on ...string) Request {
	r.Order = ordered(map[string]Order{key: {DependsOn: on, From: "own.json"}})
	return r
}

func (r Request) selecting(names ...string) Request {
	return r.wanting(r.Wanted[0].Target, slices.DeleteFunc(slices.Clone(r.Packages), func(p *workspace.Package) bool {
		return !slices.Contains(names, p.Name)
	})...)
}

// wanting asks for a target in place of all others: in the packages, or where the first of
// the others was wanted if none is given.
func (r Request) wanting(target string, packages ...*workspace.Package) Request {
	if len(packages) == 0 {
		packages = r.Wanted[0].Packages
	}
	r.Wanted = []Wanted{{target, packages}}
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
	target := func(r Request, name string) Request { return r.wanting(name) }
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
		{"a task without a script passes on what it depends on",
			orders(world("a: gen build"), "build: ready", "ready: gen"), "a#gen a#build<a#gen"},
		{"through several, and to other packages",
			orders(rooted(world("a: gen build", "b: build -> a"), "schema"), "build: ready", "ready: transit //#schema", "transit: ^transit gen"),
			"root#schema a#gen a#build<a#gen+root#schema b#build<a#gen+root#schema"},
		{"through packages without any script",
			orders(rooted(world("a:", "b: build -> a"), "schema"), "build: ^transit", "transit: //#schema"), "root#schema b#build<root#schema"},
		{"a task alone in the order runs nothing",
			orders(target(world("a: lint", "b: lint -> a"), "lint"), "lint: transit", "transit: ^transit"), "a#lint b#lint"},
		{"what was asked for and has no script is left out with what comes before it",
			orders(world("a: gen", "b: build gen"), "build: gen"), "b#gen b#build<b#gen"},
		{"unless its order holds without one",
			orders(world("a: gen", "b: build gen"), "build! gen"), "a#gen b#gen b#build<b#gen"},
		{"also after it was asked for, if another task comes after it",
			orders(world("a: gen", "b: build gen -> a"), "build: ^build gen"), "a#gen b#gen b#build<a#gen+b#gen"},
		{"a script with two names is one task",
			named(target(world("a: types", "b: types -> a"), "typecheck"), "types", "typecheck: ^types", "types: ^types"), "a#typecheck b#typecheck<a#typecheck"},
		{"also if the other target was asked for",
			named(world("a: types build"), "types", "build: types typecheck"), "a#typecheck a#build<a#typecheck"},
		{"a task runs beside another", orders(world("a: build", "b: serve"), "build& b#serve"), "a#build b#serve"},
		{"tasks may run beside each other", orders(world("a: build serve"), "build& serve", "serve& build"), "a#build a#serve"},
		{"but not one that never ends", orders(world("a: build serve"), "build& serve", "serve* "), "a#build"},
		{"unless the other never ends either", orders(world("a: build serve"), "build*& serve", "serve* "), "a#build a#serve"},
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

// orders sets the order of targets: "build: gen" comes after gen, "build! gen" also
// without a script, "build& gen" runs gen beside it, and "build*" never ends.
func orders(r Request, lines ...string) Request {
	other := map[string]Order{}
	for _, l := range lines {
		at := strings.LastIndexAny(l[:strings.Index(l, " ")], ":!&*")
		name, on := strings.TrimRight(l[:at], "*"), strings.Fields(l[at+1:])
		o := Order{DependsOn: on, Passes: l[at] == '!', Persistent: strings.Contains(l, "*"), From: "own.json"}
		if l[at] == '&' {
			o.DependsOn, o.With = nil, on
		}
		other[name] = o
	}
	r.Order = ordered(other)
	return r
}

// named has the scripts of a target under another name.
func named(r Request, script string, lines ...string) Request {
	r = orders(r, lines...)
	r.Targets = []string{"typecheck"}
	has := r.Script
	r.Script = func(p *workspace.Package, target string) (string, bool) {
		if target == "typecheck" {
			target = script
		}
		return has(p, target)
	}
	return r
}

func TestWanted(t *testing.T) {
	of := func(g *Graph) (ids []string) {
		for _, task := range g.Tasks {
			if task.Wanted {
				ids = append(ids, task.ID)
			}
		}
		return ids
	}
	r := world("core: build test lint", "web: build test -> core")
	core, web := r.Packages[0], r.Packages[1]
	for _, tt := range []struct {
		claim       string
		wanted      []Wanted
		shape, asks string
	}{
		{"what a selection brings was not asked for", []Wanted{{"build", []*workspace.Package{web}}}, "core#build web#build<core#build", "web#build"},
		{"several targets share what they need", []Wanted{{"test", []*workspace.Package{web}}, {"build", []*workspace.Package{web}}}, "core#build web#build<core#build web#test<core#build", "web#build web#test"},
		{"each is asked for in its own packages", []Wanted{{"lint", []*workspace.Package{core, web}}, {"test", []*workspace.Package{core}}}, "core#lint core#test", "core#lint core#test"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			r.Wanted = tt.wanted
			g, err := Build(r)
			if err != nil {
				t.Fatal(err)
			}
			if got := shape(g); got != tt.shape {
				t.Errorf("got %s, want %s", got, tt.shape)
			}
			if got := strings.Join(of(g), " "); got != tt.asks {
				t.Errorf("asked for: %s, want %s", got, tt.asks)
			}
		})
	}
}

func TestCall(t *testing.T) {
	task := Task{ID: "core#lint"}
	if got := task.Call(); got != "core#lint" {
		t.Error(got)
	}
	task.Args = []string{"--max-warnings", "0", "a b", ""}
	if got := task.Call(); got != "core#lint --max-warnings 0 'a b' ''" {
		t.Error(got)
	}
}

func TestPersistent(t *testing.T) {
	for _, tt := range []struct {
		claim, want string
		r           Request
	}{
		{"nothing comes after it", "a#build depends on a#serve, which is persistent", orders(world("a: build serve"), "build: serve", "serve* ")},
		{"not through another task either", "a#ready depends on a#serve, which is persistent", orders(world("a: build serve"), "build: ready", "ready: serve", "serve* ")},
		{"it is no matter if no script is there", "", orders(world("a: build"), "build: serve", "serve* ")},
		{"nor if it was asked for", "", orders(world("a: build"), "build* ")},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, err := Build(tt.r)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "own.json")) {
				t.Errorf("got %v", err)
			}
		})
	}
	g, err := Build(orders(world("a: build serve"), "build& serve", "serve* "))
	if err != nil || !slices.Equal(g.LeftOut, []string{"a#serve"}) {
		t.Errorf("left out: %q, %v", g.LeftOut, err)
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
			_, err := Build(with(world("a: build", "b: build -> a"), tt.key, tt.on...))
			var p *problem.Error
			if !errors.As(err, &p) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(p.Hint, "own.json") {
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
