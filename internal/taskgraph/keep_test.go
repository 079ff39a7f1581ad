package taskgraph

import (
	"slices"
	"testing"
)

func TestKeep(t *testing.T) {
	g := graphOf([]int{}, []int{0}, []int{1}, []int{}) // 0 ← 1 ← 2, and 3
	all := slices.Clone(g.Tasks)
	all[1].Implied = []Implied{{Task: all[3]}}
	var asked []*Task
	g.Keep(func(task *Task) bool {
		asked = append(asked, task)
		return task.ID == all[1].ID || slices.ContainsFunc(task.Predecessors(), func(a *Task) bool { return a == all[1] })
	})
	if len(asked) != len(all) {
		t.Errorf("it asked for %d of %d", len(asked), len(all))
	}
	for _, task := range g.Tasks {
		for _, a := range task.Predecessors() {
			if !slices.Contains(g.Tasks, a) {
				t.Errorf("%s comes after %s, which is left out", task.ID, a.ID)
			}
		}
	}
	if len(g.Tasks) != 2 || len(g.Tasks[1].After) != 1 || g.Tasks[0].Depth != 0 {
		t.Errorf("%+v", g.Tasks)
	}
}

// TestRestrict: what is left keeps its order, also through tasks that are left out.
func TestRestrict(t *testing.T) {
	g := graphOf([]int{}, []int{}, []int{1}, []int{}, []int{}, []int{4}) // 1 ← 2, 4 ← 5
	all := slices.Clone(g.Tasks)
	all[1].Implied = []Implied{{Task: all[0], Why: "a"}}                           // 0 ← 1 ← 2 ← 3
	all[3].Implied = []Implied{{Task: all[2], Why: "b"}, {Task: all[5], Why: "c"}} // and 5 ← 3
	g.order()
	g.Restrict(func(task *Task) bool { return task != all[1] && task != all[2] })
	if len(g.Tasks) != 4 || slices.Contains(g.Tasks, all[1]) || slices.Contains(g.Tasks, all[2]) {
		t.Errorf("%v are left", IDs(g.Tasks))
	}
	var before []string
	for _, i := range all[3].Implied {
		before = append(before, i.Task.ID)
	}
	if slices.Sort(before); !slices.Equal(before, []string{all[0].ID, all[5].ID}) {
		t.Errorf("%s comes after %v", all[3].ID, before)
	}
	if !slices.Equal(all[5].After, []*Task{all[4]}) || all[3].Depth != 2 || all[0].Depth != 0 {
		t.Errorf("%v, depths %d and %d", IDs(all[5].After), all[3].Depth, all[0].Depth)
	}
}
