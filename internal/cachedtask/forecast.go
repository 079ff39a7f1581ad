package cachedtask

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Forecast is what a run would find for each of its tasks.
type Forecast struct {
	forecast *reuse.Forecast
	graph    *taskgraph.Graph
	outlooks map[string]reuse.Outlook
	tasks    map[string]*Task // whose results are kept
}

// Forecast looks for the results of the tasks of a graph. The results must be set to LookOnly.
// refresh tells that known ones are not used.
func (k *Tasks) Forecast(ctx context.Context, results *reuse.Results, graph *taskgraph.Graph, refresh bool) *Forecast {
	f := &Forecast{results.Forecast(), graph, map[string]reuse.Outlook{}, map[string]*Task{}}
	for _, t := range graph.Tasks { // each comes after its predecessors
		why := k.notKept(t)
		if why != "" {
			why = "its result is not kept: " + why
		} else {
			f.tasks[t.ID] = k.of(ctx, t)
			why = f.tasks[t.ID].Stale
		}
		if why == "" && refresh {
			why = "cache: refresh has everything run"
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

// Lines tell in words what a run would find for a task. There are none without a forecast.
func (f *Forecast) Lines(t *taskgraph.Task) []string {
	if f == nil {
		return nil
	}
	return []string{outlook(f.Of(t))}
}

// MayRead reports whether a task of a package may read any of some files now, which are
// relative to the workspace, with slashes. Of one whose result is not known that is not known.
func (f *Forecast) MayRead(pkg *workspace.Package, files []string) bool {
	return slices.ContainsFunc(f.graph.Tasks, func(t *taskgraph.Task) bool {
		return t.Package == pkg && slices.ContainsFunc(files, f.Of(t).MayRead)
	})
}

// Explain writes all that is known of the result of a task. Without a forecast nothing is.
func (f *Forecast) Explain(w io.Writer, t *taskgraph.Task) error {
	if f == nil {
		_, err := fmt.Fprintf(w, "%s: to run: no results are kept, as cache: on is not set\n", printable.Name(t.ID))
		return err
	}
	if task := f.tasks[t.ID]; task != nil {
		return write(w, t.ID, f.forecast.Explain(task.Task))
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", printable.Name(t.ID), printable.Text(outlook(f.Of(t))))
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
