package engine

import (
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/script"
)

// steps returns the processes of the attempt.
func (a *attempt) steps() ([]script.Step, error) {
	o := a.scriptOptions()
	o.Environ = a.environment()
	if a.node.Preload {
		// Without the variables it only sees to it that worker threads keep their limits.
		o.NodeOptions = append(o.NodeOptions, a.session.Heaps.Options()...)
	}
	if a.node.Agent {
		o.Extra = append(o.Extra, a.session.Heaps.Env()...)
	}
	o.Args = a.task.Args
	// A heapmage inside the script keeps to this run's budget, and does not start the
	// same task again.
	o.Extra = append(o.Extra, environ.Running+"="+plan.Inside(a.Running, a.Workspace.Root, a.task.ID), fmt.Sprintf("%s=%d", environ.Budget, a.MaxBudget))
	if room := a.grant.Room; room > 0 && room < a.Granted {
		o.Extra = append(o.Extra, fmt.Sprintf("%s=%d", environ.Grant, room))
	}
	if a.node.Flag {
		o.HeapLimit = a.node.Limit.Size
	}
	if a.task.Target == "bundle" {
		o.NodeOptions = append(o.NodeOptions, "--expose-gc")
	}
	return script.Steps(a.Settings, a.task.Package, a.task.Script, o)
}

// scriptOptions are what all processes of the run have in common.
func (r *run) scriptOptions() script.Options {
	o := script.Options{
		Environ:        r.Environ,
		InitDir:        r.Dir,
		Colour:         report.Colour(r.Environ, os.Stdout),
		PackageManager: r.Config.Runner == config.RunnerPackageManager || r.Workspace.PnP,
	}
	bin, err := r.state.Programs(r.Settings.Programs())
	if err != nil {
		r.sayOnce(event.Notice{Kind: event.StateUnwritten, Text: fmt.Sprintf("The programs of %s cannot be put on PATH: %v", r.Workspace.Manager, err), Hint: roomHint})
	}
	o.Bin = bin
	if r.IsNode() && environ.Value(r.Environ, environ.GoMemLimit) == "" {
		o.Extra = append(o.Extra, fmt.Sprintf("%s=%d", environ.GoMemLimit, heap.GoLimit(r.MaxBudget)))
	}
	return o
}
