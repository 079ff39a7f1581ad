package taskgraph

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/workspace"
)

// graphOf is a graph of tasks "p0#build", "p1#build" … each after the given ones.
func graphOf(after ...[]int) *Graph {
	g := &Graph{}
	for i, on := range after {
		name := fmt.Sprintf("p%d", i)
		t := &Task{ID: name + "#build", Package: &workspace.Package{Name: name, Dir: name}, Target: "build", Script: "build"}
		for _, o := range on {
			t.After = append(t.After, g.Tasks[o])
		}
		g.Tasks = append(g.Tasks, t)
	}
	return g
}

func TestAbsorb(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		after  [][]int
		reruns map[string][]string
		want   string
	}{
		{"a task that another reruns is gone, and what came after it comes after the other", [][]int{{}, {}, {1}, {1}}, map[string][]string{"p2#build": {"p1#build"}}, "p0#build[] p2#build[] p3#build[p2#build]"},
		{"the other comes after what came before it", [][]int{{}, {0}, {}}, map[string][]string{"p2#build": {"p1#build"}}, "p0#build[] p2#build[p0#build]"},
		{"a task that two rerun stays", [][]int{{}, {}, {}}, map[string][]string{"p1#build": {"p0#build"}, "p2#build": {"p0#build"}}, "p0#build[] p1#build[] p2#build[]"},
		{"but not if one reruns the other too", [][]int{{}, {}, {}}, map[string][]string{"p1#build": {"p0#build"}, "p2#build": {"p1#build", "p0#build"}}, "p2#build[]"},
		{"a task stays if something has to come between", [][]int{{}, {0}, {1}}, map[string][]string{"p2#build": {"p0#build"}}, "p0#build[] p1#build[p0#build] p2#build[p1#build]"},
		{"also the other way round", [][]int{{}, {0}, {1}}, map[string][]string{"p0#build": {"p2#build"}}, "p0#build[] p1#build[p0#build] p2#build[p1#build]"},
		{"what does not run is not missed", [][]int{{}}, map[string][]string{"p0#build": {"p9#build", "p0#build"}}, "p0#build[]"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			g := graphOf(tt.after...)
			g.Absorb(func(t *Task) []string { return tt.reruns[t.ID] })
			got := ""
			for _, task := range g.Tasks {
				var after []string
				for _, a := range task.After {
					after = append(after, a.ID)
				}
				got += fmt.Sprintf(" %s%v", task.ID, after)
			}
			if got[1:] != tt.want {
				t.Errorf("got  %s\nwant %s", got[1:], tt.want)
			}
		})
	}
}

// TestAbsorbImplied: orders that nobody declared hold for the task that runs the other.
func TestAbsorbImplied(t *testing.T) {
	g := graphOf([]int{}, []int{}, []int{}, []int{})
	first, inner, outer, last := g.Tasks[0], g.Tasks[1], g.Tasks[2], g.Tasks[3]
	inner.Implied = []Implied{{Task: first}}
	last.Implied = []Implied{{Task: inner}}
	g.Absorb(func(t *Task) []string {
		if t == outer {
			return []string{"p1#build"}
		}
		return nil
	})
	if len(g.Tasks) != 3 || len(outer.Implied) != 1 || outer.Implied[0].Task != first || len(last.Implied) != 1 || last.Implied[0].Task != outer {
		t.Errorf("%v after %v, %v after %v", outer.ID, outer.Implied, last.ID, last.Implied)
	}
}

// TestAbsorbKeepsOrder: whatever is absorbed, no cycle comes of it, no order is lost, and
// nothing is gone that none reruns.
func TestAbsorbKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(2, 8).Draw(t, "tasks")
		after, reruns := make([][]int, count), map[string][]string{}
		some := rapid.SliceOfNDistinct(rapid.IntRange(0, count-1), 0, 3, rapid.ID[int])
		for i := range after {
			after[i] = slices.DeleteFunc(some.Draw(t, "after"), func(o int) bool { return o >= i })
			for _, o := range some.Draw(t, "reruns") {
				id := fmt.Sprintf("p%d#build", i)
				reruns[id] = append(reruns[id], fmt.Sprintf("p%d#build", o))
			}
		}
		before, g := graphOf(after...), graphOf(after...)
		gone := map[string]string{}
		for inner, outer := range g.Absorb(func(t *Task) []string { return reruns[t.ID] }) {
			gone[inner.ID] = outer.ID
			if !slices.Contains(reruns[outer.ID], inner.ID) {
				t.Fatalf("%s is gone, but %s does not rerun it", inner.ID, outer.ID)
			}
		}
		left := map[string]*Task{}
		for _, task := range g.Tasks {
			left[task.ID] = task
			if task.follows(task, map[*Task]bool{}) {
				t.Fatalf("%s comes after itself", task.ID)
			}
		}
		stands := func(id string) *Task {
			for gone[id] != "" {
				id = gone[id]
			}
			return left[id]
		}
		for _, task := range before.Tasks {
			for _, a := range task.After {
				now, first := stands(task.ID), stands(a.ID)
				if now == nil || first == nil || now != first && !now.follows(first, map[*Task]bool{}) {
					t.Fatalf("%s no longer comes after %s", task.ID, a.ID)
				}
			}
		}
	})
}
