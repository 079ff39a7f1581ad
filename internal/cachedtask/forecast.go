package cachedtask

import (
	"context"
	"fmt"
	"io"

	"github.com/heapmage/heapmage/internal/printable"
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
		why := k.notKept(t)
		if why != "" {
			why = "its result is not kept: " + why
		} else {
			f.tasks[t.ID] = k.of(ctx, t)
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

// Explain writes all that is known of the result of a task.
func (f *Forecast) Explain(w io.Writer, t *taskgraph.Task) error {
	if task := f.tasks[t.ID]; task != nil {
		return write(w, t.ID, f.forecast.Explain(task.Task))
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", printable.Name(t.ID), printable.Text(Outlook(f.Of(t))))
	return err
}

// Summary tells how many tasks have to run.
func (f *Forecast) Summary() string {
	of := map[reuse.State]int{}
	for _, o := range f.outlooks {
		of[o.State]++
	}
	text := fmt.Sprintf("Results: %d known (%d of them in place), %d to run", of[reuse.UpToDate]+of[reuse.Restored], of[reuse.UpToDate], of[reuse.Runs])
	if unknown := of[reuse.Unknown]; unknown > 0 {
		text += fmt.Sprintf(", %d unknown until those have run", unknown)
	}
	return text + "\n"
}
