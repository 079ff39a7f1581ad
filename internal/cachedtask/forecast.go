package cachedtask

import (
	"context"

	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Forecast is what a run would find for each of its tasks.
type Forecast struct {
	forecast *reuse.Forecast
	outlooks map[string]reuse.Outlook
	tasks    map[string]*Task // whose results are kept
}

// Forecast looks for the results of the tasks of a graph. The results must be set to LookOnly.
// forced is why known ones are not used; empty if they are.
func (k *Tasks) Forecast(ctx context.Context, results *reuse.Results, graph *taskgraph.Graph, forced string) *Forecast {
	f := &Forecast{results.Forecast(), map[string]reuse.Outlook{}, map[string]*Task{}}
	for _, t := range graph.Tasks { // each comes after its predecessors
		why := k.NotKept(t)
		if why != "" {
			why = "its result is not kept: " + why
		} else {
			f.tasks[t.ID] = k.Of(ctx, t)
			why = f.tasks[t.ID].Stale
		}
		if why == "" {
			why = forced
		}
		if why != "" {
			f.outlooks[t.ID] = f.forecast.Ran(t.ID, why)
		} else {
			f.outlooks[t.ID] = f.forecast.Of(ctx, f.tasks[t.ID].Task)
		}
	}
	return f
}

// Of is what a run would find for a task.
func (f *Forecast) Of(t *taskgraph.Task) reuse.Outlook { return f.outlooks[t.ID] }

// Explain tells all about the result of a task; ok is false if it is not kept.
func (f *Forecast) Explain(t *taskgraph.Task) (x reuse.Explanation, ok bool) {
	task := f.tasks[t.ID]
	if task == nil {
		return x, false
	}
	return f.forecast.Explain(task.Task), true
}

// Count is how many tasks have each state.
func (f *Forecast) Count() map[reuse.State]int {
	all := map[reuse.State]int{}
	for _, o := range f.outlooks {
		all[o.State]++
	}
	return all
}
