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
