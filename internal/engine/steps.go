package engine

import (
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/memtools"
)

// steps returns the processes of the attempt, given what is known of its task.
func (a *attempt) steps(known estimate.Prediction) ([]script.Step, error) {
	o := a.scriptOptions()
	if server := a.session.Heaps; server != nil && (a.limit.Size > a.maxBudget || heap.WantsAgent(learned(known), a.atOnce(), a.maxBudget)) {
		o.NodeOptions, o.Extra = append(o.NodeOptions, server.Options()...), append(o.Extra, server.Env()...)
	}
	o.Args = a.args(a.task)
	// A heapmage inside the script keeps to this run's budget, and does not start the
	// same task again.
	o.Extra = append(o.Extra, environ.Running+"="+a.running(), fmt.Sprintf("%s=%d", environ.Budget, a.maxBudget))
	if a.limit.Set {
		o.HeapLimit = a.limit.Size
	}
	if a.task.Target == "bundle" {
		o.NodeOptions = append(o.NodeOptions, "--expose-gc")
	}
	return script.Steps(a.settings, a.task.Package, a.task.Script, o)
}

// learned is the need that the task's own earlier runs showed; zero if there were none.
func learned(known estimate.Prediction) memtools.Bytes {
	if known.Basis != estimate.FromHistory {
		return 0
	}
	return known.Need
}

// scriptOptions are what all processes of the run have in common.
func (r *run) scriptOptions() script.Options {
	o := script.Options{
		Environ:        r.environ,
		InitDir:        r.dir,
		Colour:         colour(r.environ, os.Stdout),
		PackageManager: r.config.Runner == config.RunnerPackageManager || r.ws.PnP,
	}
	if r.isNode() && environ.Value(r.environ, environ.GoMemLimit) == "" {
		o.Extra = append(o.Extra, fmt.Sprintf("%s=%d", environ.GoMemLimit, heap.GoLimit(r.maxBudget)))
	}
	return o
}

// running lists the tasks that the attempt's processes are part of: those of outer runs
// and its own.
func (a *attempt) running() string {
	own := a.ws.Root + "\t" + a.task.ID
	if outer := environ.Value(a.environ, environ.Running); outer != "" {
		return outer + "\n" + own
	}
	return own
}
