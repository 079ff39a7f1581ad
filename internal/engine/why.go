package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/heapmage/heapmage/internal/cachedtask"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/reuse"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// Why prints all that is known of the result of a task: whether it is known, and of what it
// is made. It starts no script and writes nothing.
func Why(ctx context.Context, task string) error {
	place, err := open("", "")
	if err != nil {
		return err
	}
	pkg, target, err := plan.FindTask(place.setting(), place.labels, task)
	if err != nil {
		return err
	}
	p, planned, err := place.prepareRun(ctx, Request{Target: target, Packages: &pkg.Dir}, true)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(planned.Graph.Tasks, func(t *taskgraph.Task) bool { return t.Package == pkg && (t.Target == target || t.Script == target) })
	if at < 0 {
		return &problem.Error{Where: "-task=" + task, What: "it does not run by itself", Hint: "plan -target=" + target + " tells what runs in its place"}
	}
	t := planned.Graph.Tasks[at]
	forecast, err := p.forecast(ctx, planned)
	if err != nil {
		return err
	}
	return report.Print(ctx, p.environ, func(out *report.Console) error {
		if forecast == nil {
			_, err := fmt.Fprintf(out, "%s: to run: no results are kept, as cache: on is not set\n", printable.Name(t.ID))
			return err
		}
		return forecast.Explain(out, t)
	})
}

// forecast is what a run would find of results; nil if none are used.
func (p *prepared) forecast(ctx context.Context, planned *plan.Plan) (*cachedtask.Forecast, error) {
	if !p.wantsResults() {
		return nil, nil
	}
	results, err := reuse.Open(p.ws.Root, environ.Value(p.environ, "HOME"))
	if err != nil {
		return nil, &problem.Error{What: "the workspace cannot be opened", Cause: err}
	}
	defer results.Close()
	results.LookOnly()
	forced := ""
	if p.config.Cache == config.CacheRefresh {
		forced = "cache: refresh has everything run"
	}
	return p.cachedTasks(results).Forecast(ctx, results, planned.Graph, forced), nil
}
