package taskgraph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// writing has tasks run the build of their own package.
func writing(r Request, ids ...string) Request {
	r.Writes = func(t *Task) string {
		if slices.Contains(ids, t.ID) {
			return "build"
		}
		return ""
	}
	return r
}

// impliedShape writes what each task comes after by implication.
func impliedShape(g *Graph) string {
	var parts []string
	for _, t := range g.Tasks {
		for _, i := range t.Implied {
			parts = append(parts, t.ID+"<"+i.Task.ID)
		}
	}
	return strings.Join(parts, " ")
}

func TestImplied(t *testing.T) {
	tests := func(r Request) Request { return linked(r.wanting("test")) }
	chain := []string{"core: build test", "sdk: build test -> core", "web: test -> sdk"}
	declared := func(r Request, key string, on ...string) Request {
		r.Order = ordered(map[string]Order{key: {DependsOn: on, Declared: true}})
		return r
	}
	for _, tt := range []struct {
		claim, want, contrary string
		r                     Request
	}{
		{"nothing without a writer", "", "", tests(world(chain...))},
		{"after each writer, once", "core#test<core#build sdk#build<core#test sdk#test<sdk#build web#test<sdk#test", "", writing(tests(world(chain...)), "core#test", "sdk#test")},
		{"through packages without the task", "web#test<core#test", "", writing(tests(world("core: test", "sdk: -> core", "web: test -> sdk")), "core#test")},
		{"the builds of dependents too", "core#test<core#build sdk#build<core#test", "",
			writing(with(tests(world("core: build test", "sdk: build -> core", "web: test -> sdk")), "test", "^build"), "core#test")},
		{"in one direction if packages depend on each other", "a#test<b#test", "", writing(with(tests(world("a: test -> b", "b: test -> a")), "test", "lint"), "a#test", "b#test")},
		{"a writer comes after a reader whose order is declared", "core#test<sdk#test", "",
			writing(declared(tests(world("core: test", "sdk: test -> core")), "sdk#test"), "core#test")},
		{"a reader that is declared to come first stays there", "", "sdk#test after core#test",
			writing(declared(tests(world("core: test", "sdk: test -> core")), "core#test", "sdk#test"), "core#test")},
		{"two declared orders stand", "", "", writing(declared(tests(world("core: test", "sdk: test -> core")), "test"), "core#test")},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			g, err := Build(tt.r)
			if err != nil {
				t.Fatal(err)
			}
			if got := impliedShape(g); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if got := strings.Join(g.Contrary, ", "); got != tt.contrary {
				t.Errorf("contrary: %q, want %q", got, tt.contrary)
			}
		})
	}
}

// TestImpliedOrder holds for any graph: declared orders stay as they are, no task runs
// beside a writer of what it reads unless both have one, and there is no cycle. Without
// declared orders, what reads comes after what writes.
func TestImpliedOrder(t *testing.T) {
	targets := []string{"build", "test", "lint", "gen"}
	rapid.Check(t, func(t *rapid.T) {
		lines := anyWorld(t)
		for i, line := range lines {
			scripts := rapid.SliceOfDistinct(rapid.SampledFrom(targets), rapid.ID).Draw(t, "scripts")
			name, rest, _ := strings.Cut(line, ":")
			_, on, _ := strings.Cut(rest, "->")
			lines[i] = fmt.Sprintf("%s: %s -> %s", name, strings.Join(scripts, " "), on)
		}
		r := linked(world(lines...))
		r = r.wanting("test")
		declares := rapid.Bool().Draw(t, "declares")
		other := map[string]Order{}
		for _, target := range targets {
			for _, key := range append([]string{target}, r.Packages[0].Name+"#"+target, r.Packages[len(r.Packages)-1].Name+"#"+target) {
				entries := rapid.SliceOfN(rapid.SampledFrom([]string{"^build", "build", "gen", "lint", "^gen", "p00#test", "p01#lint"}), 0, 3).Draw(t, key)
				if own := rapid.IntRange(0, 2).Draw(t, "kind"); own > 0 && declares || own > 1 {
					other[key] = Order{DependsOn: entries, Declared: declares && own == 1}
				}
			}
		}
		if !declares {
			other = map[string]Order{"build": {DependsOn: []string{"^build", "gen"}}, "test": {DependsOn: []string{"^build", "lint"}, IfRun: []string{"build"}}}
		}
		r.Order = ordered(other)
		plain, err := Build(r)
		if err != nil {
			t.Skip(err) // a cycle of tasks
		}
		var ids []string
		for _, task := range plain.Tasks {
			if rapid.IntRange(0, 3).Draw(t, task.ID) == 0 && task.Target != "build" && task.Target != "gen" {
				ids = append(ids, task.ID)
			}
		}
		g, err := Build(writing(r, ids...))
		if err != nil {
			t.Fatal(err)
		}
		before := map[*Task]map[*Task]bool{}
		for _, task := range g.Tasks {
			before[task] = map[*Task]bool{}
			for _, p := range task.Predecessors() {
				if before[p] == nil {
					t.Fatalf("%s comes before %s", task.ID, p.ID)
				}
				before[task][p] = true
				maps.Copy(before[task], before[p])
			}
			if len(task.Implied) > 0 && r.Order(task.Package, task.Target).Declared {
				t.Errorf("%s has a declared order, and comes after %s", task.ID, impliedShape(g))
			}
		}
		was, is := map[string]string{}, map[string]string{}
		for graph, after := range map[*Graph]map[string]string{plain: was, g: is} {
			for _, task := range graph.Tasks {
				for _, a := range task.After {
					after[task.ID] += " " + a.ID
				}
			}
		}
		if !maps.Equal(was, is) {
			t.Errorf("the declared order has changed: %v, not %v", is, was)
		}
		for _, w := range g.Tasks {
			for _, reader := range g.Tasks {
				reads := slices.Contains(ids, w.ID) && w != reader && withDependencies(reader.Package)[w.Package]
				both := r.Order(w.Package, w.Target).Declared && r.Order(reader.Package, reader.Target).Declared
				if reads && !both && !before[w][reader] && !before[reader][w] {
					t.Errorf("%s runs beside %s", reader.ID, w.ID)
				}
				if reads && !declares && w.Package != reader.Package && !before[reader][w] {
					t.Errorf("%s does not come after %s", reader.ID, w.ID)
				}
			}
			if own := w.Package.Name + "#build"; !declares && w.Target == "test" {
				for _, build := range g.Tasks {
					if build.ID == own && !before[w][build] {
						t.Errorf("%s does not come after %s", w.ID, own)
					}
				}
			}
		}
	})
}
