package engine

import (
	"context"
	"slices"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Why prints all that is known of the result of a task: whether it is known, and of what it
// is made. args follow the command line of its script, as in a Request. It starts no script
// and writes nothing.
func Why(ctx context.Context, task string, args *string) error {
	here, err := place.Open("", "")
	if err != nil {
		return err
	}
	pkg, target, err := plan.FindTask(here.Setting(), here.Labels, task)
	if err != nil {
		return err
	}
	keys := pkg.Keys() // the last is its folder, or "//"
	p, planned, err := prepareIn(ctx, here, Request{Target: target, Packages: &keys[len(keys)-1], Extra: args}, true)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(planned.Graph.Tasks, func(t *taskgraph.Task) bool { return t.Package == pkg && (t.Target == target || t.Script == target) })
	if at < 0 {
		return &problem.Error{Where: "-task=" + task, What: "it does not run by itself", Hint: "plan -target=" + target + " tells what runs in its place"}
	}
	t := planned.Graph.Tasks[at]
	forecast, err := p.forecast(ctx, planned.Graph)
	if err != nil {
		return err
	}
	return report.Print(ctx, p.Environ, func(out *report.Console) error {
		for _, n := range p.Notices {
			if n.Kind == event.SharedUnused {
				out.Take(event.Stamped{Event: n}, &tally.State{})
			}
		}
		return forecast.Explain(out, t)
	})
}

// forecast is what a run of the tasks of a graph would find of results; nil if none are used. What is to be
// said about the shared cache is among the notices then.
func (p *prepared) forecast(ctx context.Context, graph *taskgraph.Graph) (*cachedtask.Forecast, error) {
	if !p.WantsResults() {
		return nil, nil
	}
	results, err := reuse.Open(p.Workspace.Root, environ.Value(p.Environ, "HOME"))
	if err != nil {
		return nil, &problem.Error{What: "the workspace cannot be opened", Cause: err}
	}
	defer results.Close()
	results.LookOnly()
	if n, limited := p.sharedLimit(); limited {
		p.Notices = append(p.Notices, n)
	}
	unused := func(text string) { p.Notices = append(p.Notices, event.Notice{Kind: event.SharedUnused, Text: text}) }
	if shared := p.openSharing(results.Store(), unused); shared != nil {
		defer shared.Close(ctx)
		results.Share(shared)
	}
	return p.cachedTasks(results).Forecast(ctx, results, graph, p.Config.Cache == config.CacheRefresh), nil
}

// reads tells what the tasks of a graph are known to read now; nil if that cannot be told.
func reads(ctx context.Context, p *place.Place, graph *taskgraph.Graph) func(*workspace.Package, []string) bool {
	defer func(before []event.Notice) { p.Notices = before }(p.Notices) // they will come again
	r, err := p.Prepare(ctx, graph.Packages(), true)
	if err != nil {
		return nil // it will come again, too
	}
	forecast, err := (&prepared{r}).forecast(ctx, graph)
	if err != nil || forecast == nil {
		return nil
	}
	return forecast.MayRead
}
