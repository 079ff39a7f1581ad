// Package engine wires everything together: it reads the workspace and the
// configuration, opens a session, runs the tasks and reports what happened. Each
// target of package mage is one call of it. All policy is elsewhere.
package engine

import (
	"context"

	"github.com/heapmage/heapmage/internal/affected"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/place"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/sharding"
	"github.com/heapmage/heapmage/internal/taskgraph"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Request is what a target asks for.
type Request = plan.Request

// Or returns an optional argument, or the other value if it is missing or empty.
func Or(argument *string, otherwise string) string {
	if argument != nil && *argument != "" {
		return *argument
	}
	return otherwise
}

// prepared is a place that is ready to run scripts.
type prepared struct{ *place.Prepared }

// prepareRun plans a request and reads all that the run depends on. Every error is one
// that the user can fix. readOnly is set for what runs nothing: it then writes nothing.
// If nothing is affected, nothing is read.
func prepareRun(ctx context.Context, request Request, readOnly bool) (*prepared, *plan.Plan, error) {
	p, err := place.Open(request.Dir, request.Mode)
	if err != nil {
		return nil, nil, err
	}
	return prepareIn(ctx, p, request, readOnly)
}

// prepareIn is prepareRun in a place.
func prepareIn(ctx context.Context, p *place.Place, request Request, readOnly bool) (*prepared, *plan.Plan, error) {
	if err := p.Config.SetOutput(request.Output); err != nil {
		return nil, nil, err
	}
	setting := p.Setting()
	part, notices, err := sharding.Part(ctx, p.Workspace, request)
	if err != nil {
		return nil, nil, err
	}
	if p.Notices = append(p.Notices, notices...); part != nil {
		setting.Part, setting.Folder = part, "" // the plan is for the whole workspace
	}
	setting.Between = affected.Between(ctx, p.Workspace)
	if request.Since != nil {
		if setting.Changed, err = affected.Since(ctx, p.Workspace, *request.Since); err != nil {
			return nil, nil, err
		}
		setting.Reads = func(graph *taskgraph.Graph) func(*workspace.Package, []string) bool {
			return reads(ctx, p, graph)
		}
	} else if request.Again != nil {
		setting.Changed = affected.After(p.Workspace, *request.Again)
	}
	planned, err := plan.New(request, setting)
	if err != nil {
		return nil, nil, err
	}
	p.Notices = append(p.Notices, planned.Notices...)
	if planned.Unaffected != "" {
		return &prepared{&place.Prepared{Place: p}}, planned, nil
	}
	if err := planned.CheckReentry(p.Running); err != nil {
		return nil, nil, err
	}
	r, err := p.Prepare(ctx, planned.Graph.Packages(), readOnly)
	if err != nil {
		return nil, nil, err
	}
	once := p.Config.Retries == nil || *p.Config.Retries > 0
	r.MayExceedBudget = p.Mode != event.Safe && p.Collects() && once
	return &prepared{r}, planned, nil
}
