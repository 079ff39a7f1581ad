package engine

import (
	"context"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/git"
)

// list lists the outputs before the first attempt at a task, and removes them if it is to
// start afresh.
func (a *attempt) list() {
	if a.grant.Attempt == 1 {
		if k := a.result; k != nil && k.Afresh {
			if err := a.results.Clear(a.runs, k.Task.Task); err != nil {
				a.sayOnce(event.Notice{Kind: event.ResultNotKept, Task: a.event.Label, Text: "what it left earlier cannot be removed: " + err.Error()})
			}
		}
		a.before.Keep(a.task.ID, a.Outputs(a.task).List())
	}
}

// removeHalf removes what the attempts at a task have written so far, for the next one.
func (a *attempt) removeHalf() error {
	set := a.Outputs(a.task)
	return set.RemoveNew(a.before.Of(a.task.ID), func() map[string]bool { return git.Tracked(context.WithoutCancel(a.runs), set.Dir) })
}
