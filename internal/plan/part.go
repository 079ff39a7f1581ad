package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Part is what one of several machines runs of the tasks. It has with each of its tasks those
// that the task needs.
type Part struct {
	// Where names the part in messages, and Of the plan that has it.
	Where, Of string
	// Tasks are the IDs of its tasks. True stands for one that was asked for itself.
	Tasks map[string]bool
	// Own is how many of them no other machine has to run, and All how many there are on all
	// machines.
	Own, All int
}

// CheckShard refuses flags that do not go with a shard, or that it lacks.
func (r Request) CheckShard() error {
	if r.Shard == nil {
		return &problem.Error{Where: "-plan=" + *r.ShardPlan, What: "which shard of it to run is not said", Hint: "pass -shard=, such as -shard=2/4"}
	}
	where := "-shard=" + *r.Shard
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"-workspace", r.Packages != nil}, {"-exclude", r.Exclude != nil}, {"-since", r.Since != nil}, {"-nodeps", given(r.NoDeps)}, {"-fix", given(r.Fix)},
	} {
		if flag.given {
			return &problem.Error{Where: where + " " + flag.name, What: "the plan tells what a shard runs", Hint: "leave out " + flag.name}
		}
	}
	if r.ShardPlan == nil || *r.ShardPlan == "" {
		return &problem.Error{Where: where, What: "names no plan", Hint: "pass the file that ci:matrix wrote, such as -plan=" + config.PlanFile}
	}
	return nil
}

// keepPart leaves out the tasks that are not of the part.
func (p *Plan) keepPart() error {
	there := map[string]bool{}
	for _, t := range p.Graph.Tasks {
		there[t.ID] = true
	}
	var missing []string
	for _, id := range slices.Sorted(maps.Keys(p.Part.Tasks)) {
		if !there[id] {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return &problem.Error{Where: p.Part.Where, What: fmt.Sprintf("%s has tasks that this workspace does not have: %s", p.Part.Of, problem.ShortList(missing, mostTasks)),
			Hint: "is heapmage.yaml another one, or do variables that start with HEAPMAGE_ differ?"}
	}
	p.Graph.Restrict(func(t *taskgraph.Task) bool { _, ok := p.Part.Tasks[t.ID]; return ok })
	text := fmt.Sprintf("Shard %s: %d of %s", p.Part.Where, p.Part.Own, tasks(p.Part.All))
	if also := len(p.Part.Tasks) - p.Part.Own; also > 0 {
		text += fmt.Sprintf(", and %d that they need", also)
	}
	p.notice(event.Sharded, text)
	return nil
}

func tasks(n int) string {
	if n == 1 {
		return "1 task"
	}
	return fmt.Sprintf("%d tasks", n)
}
