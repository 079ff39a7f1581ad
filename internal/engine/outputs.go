package engine

import (
	"context"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/taskgraph"
)

// outputs are the files that a task is declared to write.
func (p *place) outputs(t *taskgraph.Task) outputs.Set {
	return outputs.Set{
		Root: p.ws.Root, Dir: filepath.Join(p.ws.Root, t.Package.Dir), Member: p.ws.IsFolder,
		Patterns: p.declared.Task(t.Package, t.Target, t.Script).Outputs.Value,
	}
}

// list lists the outputs before the first attempt at a task, and removes them if it is to
// start afresh.
func (a *attempt) list() {
	if a.grant.Attempt == 1 {
		if k := a.result; k != nil && k.Afresh {
			if err := a.results.Clear(a.runs, k.Task.Task); err != nil {
				a.sayOnce(event.Notice{Kind: event.ResultNotKept, Task: a.event.Label, Text: "what it left earlier cannot be removed: " + err.Error()})
			}
		}
		a.before.Keep(a.task.ID, a.outputs(a.task).List())
	}
}

// removeHalf removes what the attempts at a task have written so far, for the next one.
func (a *attempt) removeHalf() error {
	set := a.outputs(a.task)
	return set.RemoveNew(a.before.Of(a.task.ID), func() map[string]bool { return git.Tracked(context.WithoutCancel(a.runs), set.Dir) })
}
